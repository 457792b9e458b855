-- key: market_summary
-- description: Per symbol: sessions, first and last close, price range and mean volume.
SELECT
    symbol,
    count(*) AS bars,
    min(session) AS first_session,
    max(session) AS last_session,
    arg_min(close, open_time) AS first_close,
    arg_max(close, open_time) AS last_close,
    min(low) AS lowest,
    max(high) AS highest,
    avg(volume) AS mean_volume
FROM ref('bars')
GROUP BY symbol
ORDER BY symbol
