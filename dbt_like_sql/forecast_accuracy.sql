/*
description: "Per symbol, horizon and model: root mean squared error, hit rate and coverage, in percent."
key: [symbol, horizon, model]
columns:
  symbol: {type: text, description: "symbol within the market's universe"}
  horizon: {type: integer, minimum: 1, unit: bars, description: "bars ahead of the origin"}
  model: {type: text, description: "forecasting model"}
  forecasts: {type: integer, minimum: 1, description: "forecasts whose target is known"}
  rmse: {type: number, minimum: 0, description: "root of the mean squared error of the log return"}
  hit_rate:
    {type: number, minimum: 0, maximum: 100, nullable: true, unit: percent, description: "directions that were right"}
  coverage_95:
    {type: number, minimum: 0, maximum: 100, unit: percent, description: "prices that the 95 % interval held"}
*/
SELECT
    symbol,
    horizon,
    model,
    count(*) AS forecasts,
    sqrt(avg(squared_error)) AS rmse,
    100 * avg(CAST(direction_hit AS INTEGER)) AS hit_rate,
    100 * avg(CAST(inside_95 AS INTEGER)) AS coverage_95
FROM ref('forecast_scores')
GROUP BY symbol, horizon, model
ORDER BY symbol, horizon, model
