-- key: forecast_accuracy
-- description: Per symbol, horizon and model: root mean squared error, hit rate and coverage, in percent.
SELECT
    symbol,
    horizon,
    model,
    count(*) AS forecasts,
    sqrt(avg(squared_error)) AS rmse,
    100 * avg(direction_hit::INT) AS hit_rate,
    100 * avg(inside_95::INT) AS coverage_95
FROM ref('forecast_scores')
GROUP BY symbol, horizon, model
ORDER BY symbol, horizon, model
