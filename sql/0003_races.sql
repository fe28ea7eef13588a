-- Postern's schema, version 3: what happens where two changes meet.  Functions
-- of the versions before, replaced; tests/db/test_races.c tries them.

SET LOCAL lock_timeout = '300ms';

-- What the janitor may delete ------------------------------------------------
-- Nobody waits for a row that another holds, nor for the janitor: it is left
-- to the next round.
CREATE OR REPLACE FUNCTION postern.expire_sessions() RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  WITH gone AS (DELETE FROM postern.session
    WHERE (account_id, id) IN (
      SELECT * FROM (SELECT account_id, id FROM postern.session
        WHERE expires_at < now() - interval '7 days' LIMIT 1000
        FOR UPDATE SKIP LOCKED) over
      UNION ALL
      SELECT * FROM (SELECT account_id, id FROM postern.session
        WHERE ended_at < now() - interval '7 days' LIMIT 1000
        FOR UPDATE SKIP LOCKED) ended)
    RETURNING 1)
  SELECT count(*) FROM gone
$$;

CREATE OR REPLACE FUNCTION postern.expire_one_time_tokens() RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  WITH gone AS (DELETE FROM postern.one_time_token
    WHERE (account_id, hash) IN (SELECT account_id, hash
      FROM postern.one_time_token
      WHERE expires_at < now() - interval '1 day' LIMIT 1000
      FOR UPDATE SKIP LOCKED)
    RETURNING 1)
  SELECT count(*) FROM gone
$$;

CREATE OR REPLACE FUNCTION postern.expire_rate_limits() RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  WITH gone AS (DELETE FROM postern.rate_limit
    WHERE key IN (SELECT key FROM postern.rate_limit
      WHERE tat < now() LIMIT 1000 FOR UPDATE SKIP LOCKED)
    RETURNING 1)
  SELECT count(*) FROM gone
$$;

-- Accounts that were never verified, so many seconds old (an hour at least),
-- unless their owner holds a link that still verifies them.  A banned one
-- stays: its end would lift the ban.
CREATE OR REPLACE FUNCTION postern.expire_accounts(lifetime bigint) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  WITH gone AS (DELETE FROM postern.account
    WHERE id IN (SELECT a.id FROM postern.account a
      WHERE a.verified_at IS NULL AND a.disabled_at IS NULL
        AND a.created_at < now() - greatest(lifetime, 3600) * interval '1 s'
        AND (NOT EXISTS (SELECT FROM postern.one_time_token t
            WHERE t.account_id = a.id AND t.purpose IN ('verify', 'reset')
              AND t.used_at IS NULL AND t.expires_at > now())
          OR a.created_at < now() - 2 * greatest(lifetime, 3600)
            * interval '1 s')
      LIMIT 1000) AND verified_at IS NULL AND disabled_at IS NULL
    RETURNING 1)
  SELECT count(*) FROM gone
$$;

-- The end of an account ------------------------------------------------------
-- As before, but that it waits for a change of address that is being
-- confirmed, whose former address then is told too.
CREATE OR REPLACE FUNCTION postern.delete_account(of_account uuid, of_epoch int)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  a postern.account;
  former postern.address_change[];
BEGIN
  SELECT * INTO a FROM postern.account
    WHERE id = of_account AND epoch = of_epoch;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  DELETE FROM postern.mail_outbox WHERE account_id = of_account
    OR (account_id IS NULL AND canonical = a.canonical);
  -- A confirmation under way is waited for: its former address is told too.
  SELECT * INTO a FROM postern.account
    WHERE id = of_account AND epoch = of_epoch FOR UPDATE;
  IF NOT FOUND THEN
    RAISE serialization_failure; -- something that raises it was faster
  END IF;
  SELECT array_agg(c) INTO former FROM postern.address_change c
    WHERE c.account_id = of_account AND c.taken_back_at IS NULL
      AND c.take_back_until > clock_timestamp()
      AND c.old_canonical <> a.canonical;
  DELETE FROM postern.account WHERE id = of_account;
  INSERT INTO postern.mail_outbox
      (kind, account_id, canonical, recipient, locale)
    SELECT 'account_deleted', of_account, a.canonical, a.address, a.locale
    UNION ALL
    SELECT 'account_deleted', of_account, c.old_canonical, c.old_address,
      a.locale
      FROM (SELECT DISTINCT ON (f.old_canonical) f.*
        FROM unnest(former) f) c;
  INSERT INTO postern.audit_event (event, account_id)
    VALUES ('account.deleted', of_account);
  RETURN true;
EXCEPTION WHEN serialization_failure THEN
  RETURN false;
END
$$;

INSERT INTO postern.schema_migration (version, name) VALUES (3, 'races');
