-- What each person may still ask for: a token bucket, shared by all replicas. Unlogged, since after a
-- crash everybody may begin anew. The key is a hash, so that the table names nobody.
CREATE UNLOGGED TABLE rate_limits (
    bucket bytea PRIMARY KEY,
    level  double precision NOT NULL,
    at     timestamptz NOT NULL
);

-- Takes the cost where the bucket holds it and gives 0, or takes nothing and gives the seconds to wait.
-- A bucket holds what a minute brings. A cost above that takes all of a full one: it must pass some time.
CREATE FUNCTION take_from_rate_limit(
    of_bucket bytea, given_cost double precision, per_minute double precision
) RETURNS double precision LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    moment timestamptz := clock_timestamp();
    cost   double precision := least(given_cost, per_minute);
    missing double precision;
BEGIN
    INSERT INTO rate_limits AS held VALUES (of_bucket, per_minute - cost, moment)
    ON CONFLICT (bucket) DO UPDATE SET
        level = rate_limit_level(held.level, held.at, moment, per_minute) - cost,
        at = greatest(held.at, moment)
    WHERE rate_limit_level(held.level, held.at, moment, per_minute) >= cost;
    IF FOUND THEN
        RETURN 0;
    END IF;
    SELECT cost - rate_limit_level(level, at, moment, per_minute) INTO missing
    FROM rate_limits WHERE bucket = of_bucket;
    RETURN greatest(missing * 60 / per_minute, 0.001);
END $$;

-- What a bucket holds by now.
CREATE FUNCTION rate_limit_level(
    level double precision, since timestamptz, moment timestamptz, per_minute double precision
) RETURNS double precision LANGUAGE sql IMMUTABLE AS $$
    SELECT least(per_minute, level + per_minute / 60 * greatest(0, extract(epoch FROM moment - since)))
$$;

REVOKE ALL ON FUNCTION take_from_rate_limit, rate_limit_level FROM PUBLIC;
GRANT EXECUTE ON FUNCTION take_from_rate_limit TO copilot_ledger;
