/*
description: >
  One row per session: how many members the universe has, how many have bars, all of them or none, and
  which bars came for what is no member.
key: [session]
columns:
  session: {type: date, description: "trading session"}
  members: {type: integer, minimum: 0, description: "symbols that the universe holds in the session"}
  covered: {type: integer, minimum: 0, description: "members with at least one bar"}
  complete: {type: integer, minimum: 0, description: "members with every expected bar"}
  strangers: {type: integer, minimum: 0, description: "symbols with bars that are no members"}
  coverage: {type: number, minimum: 0, maximum: 1, nullable: true, description: "covered over members"}
  bars_expected: {type: integer, minimum: 0, unit: bars, description: "expected of all members"}
  bars_present: {type: integer, minimum: 0, unit: bars, description: "published of all members"}
  first_absent: {type: text, nullable: true, description: "first member by name without any bar"}
rules:
  more_covered_than_members: {holds: covered <= members, description: "no more are covered than there are"}
  more_complete_than_covered: {holds: complete <= covered, description: "no more are complete than have bars"}
checks:
  all_members_covered: {holds: covered = members, description: "each member has a bar in each session"}
*/
SELECT
    session,
    count(*) FILTER (WHERE expected > 0) AS members,
    count(*) FILTER (WHERE expected > 0 AND present > 0) AS covered,
    count(*) FILTER (WHERE expected > 0 AND present >= expected) AS complete,
    count(*) FILTER (WHERE expected = 0 AND present > 0) AS strangers,
    count(*) FILTER (WHERE expected > 0 AND present > 0)
    / nullif(CAST(count(*) FILTER (WHERE expected > 0) AS DOUBLE), 0) AS coverage,
    coalesce(sum(expected), 0) AS bars_expected,
    coalesce(sum(present) FILTER (WHERE expected > 0), 0) AS bars_present,
    min(symbol) FILTER (WHERE expected > 0 AND present = 0) AS first_absent
FROM ref('symbol_sessions')
GROUP BY session
