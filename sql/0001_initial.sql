-- Postern's schema, version 1: accounts, sessions, mail, limits, and who may
-- do what.  Run by `posternctl migrate`, or by hand as the owner of the
-- database:  psql --single-transaction -v ON_ERROR_STOP=1 -f 0001_initial.sql
-- A file that was applied anywhere is never changed; the next number adds.

SET LOCAL lock_timeout = '5s';

-- Roles ---------------------------------------------------------------------
-- One a process, and one for posternctl.  They are made without a password:
-- they get in by peer authentication, or after ALTER ROLE … PASSWORD.
DO $$
DECLARE
  r text;
BEGIN
  FOREACH r IN ARRAY ARRAY['postern_web', 'postern_password',
    'postern_mailer', 'postern_janitor', 'postern_admin']
  LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = r) THEN
      EXECUTE format('CREATE ROLE %I LOGIN', r);
    END IF;
    -- So that the owner can try what each may do (SET ROLE).
    EXECUTE format('GRANT %I TO %I', r, current_user);
  END LOOP;
  -- Nobody makes anything here but the owner.
  EXECUTE format('REVOKE CREATE, TEMPORARY ON DATABASE %I FROM PUBLIC',
    current_database());
END
$$;
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

CREATE SCHEMA postern;
REVOKE ALL ON SCHEMA postern FROM PUBLIC;
GRANT USAGE ON SCHEMA postern TO postern_web, postern_password,
  postern_mailer, postern_janitor, postern_admin;

CREATE TABLE postern.schema_migration (
  version int PRIMARY KEY,
  name text NOT NULL,
  checksum text, -- SHA-256 of the file; NULL until posternctl saw it
  applied_at timestamptz NOT NULL DEFAULT now()
);

-- Accounts ------------------------------------------------------------------
CREATE TABLE postern.account (
  id uuid PRIMARY KEY,
  address text NOT NULL,   -- local part as typed, domain as A-labels
  canonical text NOT NULL, -- the same in lower case; one account each
  verified_at timestamptz,
  disabled_at timestamptz,
  epoch int NOT NULL DEFAULT 0, -- sessions of an earlier epoch are over
  locale text -- of mails: as registered, or chosen
    CHECK (locale ~ '^[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*$'),
  locale_chosen boolean NOT NULL DEFAULT false, -- then of pages too
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT account_canonical_key UNIQUE (canonical),
  CONSTRAINT account_address_check CHECK (
    octet_length(address) <= 254 AND canonical = lower(address COLLATE "C"))
);
CREATE INDEX account_unverified ON postern.account (created_at)
  WHERE verified_at IS NULL;

-- A table of its own, so that grants hide it from all but one pool.
CREATE TABLE postern.password (
  account_id uuid PRIMARY KEY
    REFERENCES postern.account ON DELETE CASCADE,
  hash text NOT NULL CHECK (hash LIKE '$y$%'),
  changed_at timestamptz NOT NULL DEFAULT now()
);

-- One sign-in a row.  Nothing that a refresh changes is indexed, so its
-- updates stay on their page (HOT).
CREATE TABLE postern.session (
  account_id uuid NOT NULL REFERENCES postern.account ON DELETE CASCADE,
  id uuid NOT NULL,
  kind text NOT NULL CHECK (kind IN ('browser', 'api')),
  secret_hash bytea NOT NULL CHECK (octet_length(secret_hash) = 32),
  epoch int NOT NULL,
  refresh_gen bigint NOT NULL DEFAULT 0,
  rotated_at timestamptz NOT NULL DEFAULT now(),
  created_at timestamptz NOT NULL DEFAULT now(),
  last_seen_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  ended_at timestamptz,
  end_reason text,
  address text NOT NULL, -- the client's network address, as nginx saw it
  user_agent text,
  PRIMARY KEY (account_id, id),
  CHECK ((ended_at IS NULL) = (end_reason IS NULL))
) WITH (fillfactor = 80);
CREATE INDEX session_expires ON postern.session (expires_at);
CREATE INDEX session_ended ON postern.session (ended_at)
  WHERE ended_at IS NOT NULL;

-- Whoever may update a session still cannot bring one back.
CREATE FUNCTION postern.session_guard() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF OLD.ended_at IS NOT NULL
    AND (NEW.ended_at IS DISTINCT FROM OLD.ended_at
      OR NEW.end_reason IS DISTINCT FROM OLD.end_reason) THEN
    RAISE EXCEPTION 'an ended session stays ended'
      USING ERRCODE = 'check_violation';
  END IF;
  IF NEW.refresh_gen < OLD.refresh_gen THEN
    RAISE EXCEPTION 'a refresh generation never goes back'
      USING ERRCODE = 'check_violation';
  END IF;
  -- A time to come would make the refresh grace, or idleness, endless.
  IF NEW.rotated_at > clock_timestamp() + interval '1 minute'
    OR NEW.last_seen_at > clock_timestamp() + interval '1 minute' THEN
    RAISE EXCEPTION 'a session was not used in the future'
      USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER session_guard
  BEFORE UPDATE OF refresh_gen, rotated_at, last_seen_at, ended_at,
    end_reason ON postern.session
  FOR EACH ROW EXECUTE FUNCTION postern.session_guard();

-- Changes of address.  A row is asked for with the password, confirmed from
-- the new address, and taken back from the old one, which stays reserved
-- until take_back_until.
CREATE TABLE postern.address_change (
  account_id uuid NOT NULL REFERENCES postern.account ON DELETE CASCADE,
  id uuid NOT NULL,
  new_address text NOT NULL,
  new_canonical text NOT NULL,
  epoch int NOT NULL, -- of the account when it was asked for
  created_at timestamptz NOT NULL DEFAULT now(),
  -- From the confirmation on: the how manieth, and what it replaced.
  number int,
  old_address text,
  old_canonical text,
  confirmed_at timestamptz,
  take_back_until timestamptz,
  taken_back_at timestamptz, -- by this one's link or an earlier one's
  PRIMARY KEY (account_id, id),
  CONSTRAINT address_change_new_check CHECK (
    octet_length(new_address) <= 254
    AND new_canonical = lower(new_address COLLATE "C")),
  CONSTRAINT address_change_confirmed_check CHECK (
    num_nulls(number, old_address, old_canonical, confirmed_at,
      take_back_until) IN (0, 5))
);
CREATE INDEX address_change_reserved ON postern.address_change (old_canonical)
  WHERE take_back_until IS NOT NULL AND taken_back_at IS NULL;

-- Whether an address is kept for somebody else than this account (or NULL)
-- to take back.
CREATE FUNCTION postern.address_is_reserved(of_canonical text, but_for uuid)
RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
  SELECT EXISTS (SELECT FROM postern.address_change
    WHERE old_canonical = of_canonical AND taken_back_at IS NULL
      AND take_back_until > clock_timestamp()
      AND account_id IS DISTINCT FROM but_for)
$$;

-- Asked once more when the row is in: who had the address until a moment ago
-- has committed by then, and what was reserved with it can be seen.
CREATE FUNCTION postern.account_not_reserved() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF postern.address_is_reserved(NEW.canonical, NEW.id) THEN
    RAISE EXCEPTION 'the address is kept for another account'
      USING ERRCODE = 'unique_violation';
  END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER account_not_reserved
  AFTER INSERT OR UPDATE OF canonical ON postern.account
  FOR EACH ROW EXECUTE FUNCTION postern.account_not_reserved();

-- Tokens of mailed links: only a hash, bound to address and epoch; those of
-- a change of address to its row.
CREATE TABLE postern.one_time_token (
  account_id uuid NOT NULL REFERENCES postern.account ON DELETE CASCADE,
  hash bytea NOT NULL CHECK (octet_length(hash) = 32),
  purpose text NOT NULL
    CHECK (purpose IN ('verify', 'reset', 'confirm', 'take_back')),
  canonical text NOT NULL,
  epoch int NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  used_at timestamptz,
  change_id uuid,
  PRIMARY KEY (account_id, hash),
  FOREIGN KEY (account_id, change_id)
    REFERENCES postern.address_change ON DELETE CASCADE,
  CHECK ((change_id IS NOT NULL) = (purpose IN ('confirm', 'take_back')))
);
CREATE INDEX one_time_token_expires ON postern.one_time_token (expires_at);

-- At most five live tokens a purpose: a sixth ends the oldest.  Not so the
-- right to take an address back, which nobody else's doing may end.
CREATE FUNCTION postern.one_time_token_cap() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  UPDATE postern.one_time_token SET used_at = clock_timestamp()
    WHERE (account_id, hash) IN (
      SELECT t.account_id, t.hash FROM postern.one_time_token t
       WHERE t.account_id = NEW.account_id AND t.purpose = NEW.purpose
         AND t.used_at IS NULL
       ORDER BY t.created_at DESC OFFSET 5);
  RETURN NULL;
END
$$;
CREATE TRIGGER one_time_token_cap AFTER INSERT ON postern.one_time_token
  FOR EACH ROW WHEN (NEW.purpose <> 'take_back')
  EXECUTE FUNCTION postern.one_time_token_cap();

-- Signing keys: the private half is sealed under the key file.
CREATE TABLE postern.signing_key (
  kid text PRIMARY KEY,
  algorithm text NOT NULL CHECK (algorithm = 'ES256'),
  public_key bytea NOT NULL,
  sealed_private_key bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  active_at timestamptz NOT NULL DEFAULT now(), -- signs from then on
  retired_at timestamptz, -- signs no more
  expires_at timestamptz, -- verifies no more
  CHECK (isfinite(active_at) AND isfinite(expires_at))
);

-- Rate limits ---------------------------------------------------------------
-- Emptied by a crash, absent on a standby: right for limits that are short.
CREATE UNLOGGED TABLE postern.rate_limit (
  key text PRIMARY KEY,
  tat timestamptz NOT NULL -- theoretical arrival time of GCRA
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);

-- Takes one call from each bucket in turn and stops at the first that
-- refuses.  Returns its number (0: none refused) and the seconds until it
-- would let one through.  The clock is read after the row is locked; a time
-- further ahead than a full bucket comes from a clock that was set back, and
-- counts as a full bucket.  The only way to the table: whoever takes over a
-- worker cannot empty it.
CREATE FUNCTION postern.rate_limit_take(
  keys text[], intervals float8[], bursts int[],
  OUT refused int, OUT retry_after float8)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  step interval;
  full_bucket interval;
BEGIN
  FOR i IN 1 .. cardinality(keys) LOOP
    step := intervals[i] * interval '1 s';
    full_bucket := bursts[i] * step;
    INSERT INTO postern.rate_limit AS r (key, tat)
    VALUES (keys[i], clock_timestamp() + step)
    ON CONFLICT (key) DO UPDATE
      SET tat = least(greatest(r.tat, clock_timestamp()),
        clock_timestamp() + full_bucket) + step
      WHERE least(r.tat, clock_timestamp() + full_bucket)
        <= clock_timestamp() + full_bucket - step;
    IF NOT FOUND THEN
      refused := i;
      SELECT extract(epoch FROM
          least(r.tat - clock_timestamp(), full_bucket)
          - full_bucket + step)
        INTO retry_after
        FROM postern.rate_limit r WHERE r.key = keys[i];
      retry_after := coalesce(retry_after, 1);
      RETURN;
    END IF;
  END LOOP;
  refused := 0;
  retry_after := 0;
END
$$;

-- Mail ----------------------------------------------------------------------
CREATE TABLE postern.mail_outbox (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  kind text NOT NULL CHECK (kind IN
    ('verify', 'reset', 'password_changed', 'session_stolen',
      'address_taken', 'confirm_address', 'address_changed',
      'address_taken_back', 'account_deleted')),
  account_id uuid,         -- where the change knew it
  change_id uuid,          -- of a change of address: its row
  recipient text,          -- of an account that is gone: where it was, and
  locale text,             -- its language; delete_account() alone says so
  canonical text NOT NULL, -- whom it is for; whether they exist, the
                           -- mailer finds out
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  due_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  leased_until timestamptz,
  attempts int NOT NULL DEFAULT 0,
  state text NOT NULL DEFAULT 'queued'
    CHECK (state IN ('queued', 'sent', 'dropped', 'dead')),
  ended_at timestamptz,
  last_error text,
  CHECK ((change_id IS NOT NULL) = (kind IN
    ('confirm_address', 'address_changed', 'address_taken_back'))),
  CHECK ((recipient IS NOT NULL) = (kind = 'account_deleted'))
);
CREATE INDEX mail_outbox_due ON postern.mail_outbox (due_at)
  WHERE state = 'queued';
CREATE INDEX mail_outbox_ended ON postern.mail_outbox (ended_at)
  WHERE state <> 'queued';
CREATE INDEX mail_outbox_account ON postern.mail_outbox (account_id);
CREATE INDEX mail_outbox_canonical ON postern.mail_outbox (canonical);

CREATE FUNCTION postern.mail_outbox_notify() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM pg_notify('postern_mail', '');
  RETURN NULL;
END
$$;
CREATE TRIGGER mail_outbox_notify AFTER INSERT ON postern.mail_outbox
  FOR EACH STATEMENT EXECUTE FUNCTION postern.mail_outbox_notify();

-- Audit ---------------------------------------------------------------------
-- No foreign keys: what happened stays true when the account is gone.
CREATE TABLE postern.audit_event (
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  event text NOT NULL,
  account_id uuid,
  session_id uuid,
  client text,
  PRIMARY KEY (at, id)
) PARTITION BY RANGE (at);
CREATE TABLE postern.audit_event_default
  PARTITION OF postern.audit_event DEFAULT;
CREATE INDEX audit_event_account ON postern.audit_event (account_id, at);

-- Makes the partitions of this month and the next, where they are missing.
CREATE FUNCTION postern.audit_event_partitions() RETURNS void
-- A reader of the table would make this wait, and all who write wait
-- behind it: rather not now.
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET lock_timeout = '100ms' AS $$
DECLARE
  month timestamptz;
  child text;
BEGIN
  FOR i IN 0 .. 1 LOOP
    month := (date_trunc('month', now() AT TIME ZONE 'UTC')
      + i * interval '1 month') AT TIME ZONE 'UTC';
    child := 'audit_event_' || to_char(month AT TIME ZONE 'UTC', 'YYYY_MM');
    CONTINUE WHEN to_regclass('postern.' || child) IS NOT NULL;
    -- Rows that came before their partition would forbid it.
    CONTINUE WHEN EXISTS (SELECT FROM postern.audit_event_default
      WHERE at >= month
        AND at < (month AT TIME ZONE 'UTC' + interval '1 month')
          AT TIME ZONE 'UTC');
    EXECUTE format('CREATE TABLE postern.%I PARTITION OF postern.audit_event'
      ' FOR VALUES FROM (%L) TO (%L)', child, month,
      (month AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC');
  END LOOP;
END
$$;
SELECT postern.audit_event_partitions();

-- What the web pool may do with one-time tokens: nothing but this -----------
-- 'verified', 'already', or NULL for a token that is not good.
CREATE FUNCTION postern.verify_email(of_account uuid, token_hash bytea)
RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  a postern.account;
  t postern.one_time_token;
BEGIN
  SELECT * INTO a FROM postern.account WHERE id = of_account FOR UPDATE;
  SELECT * INTO t FROM postern.one_time_token
    WHERE account_id = of_account AND hash = token_hash
      AND purpose = 'verify' AND expires_at > clock_timestamp();
  IF NOT FOUND OR t.canonical <> a.canonical THEN
    RETURN NULL;
  END IF;
  IF a.verified_at IS NOT NULL THEN
    RETURN 'already';
  END IF;
  IF t.used_at IS NOT NULL OR t.epoch <> a.epoch
    OR a.disabled_at IS NOT NULL THEN
    RETURN NULL;
  END IF;
  UPDATE postern.account SET verified_at = clock_timestamp()
    WHERE id = of_account;
  UPDATE postern.one_time_token SET used_at = clock_timestamp()
    WHERE account_id = of_account AND purpose = 'verify' AND used_at IS NULL;
  INSERT INTO postern.audit_event (event, account_id)
    VALUES ('account.verified', of_account);
  RETURN 'verified';
END
$$;

-- Deletes an account that was never verified, for the holder of its
-- verification token: it was not them who registered.  A banned one stays:
-- its end would lift the ban.
CREATE FUNCTION postern.disown_account(of_account uuid, token_hash bytea)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  DELETE FROM postern.account a
    USING postern.one_time_token t
    WHERE a.id = of_account AND a.verified_at IS NULL
      AND a.disabled_at IS NULL AND t.epoch = a.epoch
      AND t.account_id = a.id AND t.hash = token_hash
      AND t.purpose = 'verify' AND t.used_at IS NULL
      AND t.expires_at > clock_timestamp() AND t.canonical = a.canonical;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  INSERT INTO postern.audit_event (event, account_id)
    VALUES ('account.disowned', of_account);
  RETURN true;
END
$$;

-- The address a good token was mailed to, for the page that asks for the
-- click; NULL for any other.
CREATE FUNCTION postern.one_time_token_address(
  of_account uuid, token_hash bytea, token_purpose text)
RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
  SELECT a.address
    FROM postern.one_time_token t
    JOIN postern.account a ON a.id = t.account_id
   WHERE t.account_id = of_account AND t.hash = token_hash
     AND t.purpose = token_purpose AND t.used_at IS NULL
     AND t.expires_at > clock_timestamp() AND t.canonical = a.canonical
     AND t.epoch = a.epoch AND a.disabled_at IS NULL
$$;

-- What the janitor may delete: nothing but this -----------------------------
-- Each deletes what is over, a batch a call, and returns how many rows.
-- Ended and expired sessions stay a week: their refresh tokens are told
-- "expired", and a person sees what happened.
CREATE FUNCTION postern.expire_sessions() RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  WITH gone AS (DELETE FROM postern.session
    WHERE (account_id, id) IN (
      (SELECT account_id, id FROM postern.session
        WHERE expires_at < now() - interval '7 days' LIMIT 1000)
      UNION ALL
      (SELECT account_id, id FROM postern.session
        WHERE ended_at < now() - interval '7 days' LIMIT 1000))
    RETURNING 1)
  SELECT count(*) FROM gone
$$;

CREATE FUNCTION postern.expire_one_time_tokens() RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  WITH gone AS (DELETE FROM postern.one_time_token
    WHERE (account_id, hash) IN (SELECT account_id, hash
      FROM postern.one_time_token
      WHERE expires_at < now() - interval '1 day' LIMIT 1000)
    RETURNING 1)
  SELECT count(*) FROM gone
$$;

-- A week longer than their right lasts; the unconfirmed, than any link.
CREATE FUNCTION postern.expire_address_changes() RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  WITH gone AS (DELETE FROM postern.address_change
    WHERE (account_id, id) IN (SELECT account_id, id
      FROM postern.address_change
      WHERE coalesce(take_back_until, created_at + interval '60 days')
        < now() - interval '7 days' LIMIT 1000)
    RETURNING 1)
  SELECT count(*) FROM gone
$$;

CREATE FUNCTION postern.expire_rate_limits() RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  WITH gone AS (DELETE FROM postern.rate_limit
    WHERE key IN (SELECT key FROM postern.rate_limit
      WHERE tat < now() LIMIT 1000) AND tat < now()
    RETURNING 1)
  SELECT count(*) FROM gone
$$;

CREATE FUNCTION postern.expire_mails() RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  WITH gone AS (DELETE FROM postern.mail_outbox
    WHERE id IN (SELECT id FROM postern.mail_outbox
      WHERE state <> 'queued' AND ended_at < now() - CASE state
        WHEN 'dead' THEN interval '30 days' ELSE interval '7 days' END
      LIMIT 1000)
    RETURNING 1)
  SELECT count(*) FROM gone
$$;

-- Accounts that were never verified, so many seconds old (an hour at least),
-- unless their owner holds a link that still verifies them.
CREATE FUNCTION postern.expire_accounts(lifetime bigint) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  WITH gone AS (DELETE FROM postern.account
    WHERE id IN (SELECT a.id FROM postern.account a
      WHERE a.verified_at IS NULL
        AND a.created_at < now() - greatest(lifetime, 3600) * interval '1 s'
        AND (NOT EXISTS (SELECT FROM postern.one_time_token t
            WHERE t.account_id = a.id AND t.purpose IN ('verify', 'reset')
              AND t.used_at IS NULL AND t.expires_at > now())
          OR a.created_at < now() - 2 * greatest(lifetime, 3600)
            * interval '1 s')
      LIMIT 1000) AND verified_at IS NULL
    RETURNING 1)
  SELECT count(*) FROM gone
$$;

-- Who may do what -----------------------------------------------------------
-- tests/db/test_roles.c tries every role on every table and column.
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA postern FROM PUBLIC;
GRANT SELECT ON postern.schema_migration TO postern_web, postern_password,
  postern_mailer, postern_janitor, postern_admin;
GRANT SELECT ON postern.signing_key TO postern_web, postern_password,
  postern_janitor, postern_admin;

GRANT SELECT ON postern.account TO postern_web;
GRANT UPDATE (locale, locale_chosen) ON postern.account TO postern_web;
GRANT SELECT ON postern.session TO postern_web;
GRANT UPDATE (refresh_gen, rotated_at, last_seen_at, ended_at, end_reason)
  ON postern.session TO postern_web;
GRANT INSERT (kind, account_id, canonical) ON postern.mail_outbox
  TO postern_web, postern_password;
GRANT INSERT (event, account_id, session_id, client) ON postern.audit_event
  TO postern_web, postern_password, postern_mailer;
GRANT EXECUTE ON FUNCTION postern.rate_limit_take(text[], float8[], int[])
  TO postern_web, postern_password;
GRANT EXECUTE ON FUNCTION postern.verify_email(uuid, bytea)
  TO postern_web, postern_password;
GRANT EXECUTE ON FUNCTION postern.disown_account(uuid, bytea)
  TO postern_password;
GRANT EXECUTE ON FUNCTION postern.one_time_token_address(uuid, bytea, text)
  TO postern_web, postern_password;

GRANT SELECT, INSERT, UPDATE ON postern.account, postern.password,
  postern.session TO postern_password;
GRANT SELECT ON postern.one_time_token TO postern_password;
GRANT UPDATE (used_at) ON postern.one_time_token TO postern_password;
GRANT INSERT (account_id, id, new_address, new_canonical, epoch)
  ON postern.address_change TO postern_password;
GRANT INSERT (change_id) ON postern.mail_outbox TO postern_password;
GRANT EXECUTE ON FUNCTION postern.address_is_reserved(text, uuid)
  TO postern_password, postern_mailer;

GRANT SELECT (id, address, canonical, epoch, locale, verified_at,
  disabled_at) ON postern.account TO postern_mailer;
GRANT SELECT, UPDATE (due_at, leased_until, attempts, state, ended_at,
  last_error) ON postern.mail_outbox TO postern_mailer;
GRANT SELECT ON postern.address_change TO postern_mailer;
GRANT INSERT ON postern.one_time_token TO postern_mailer;
GRANT SELECT (account_id, purpose, expires_at, used_at)
  ON postern.one_time_token TO postern_mailer;

GRANT INSERT, UPDATE, DELETE ON postern.signing_key TO postern_janitor;
GRANT EXECUTE ON FUNCTION postern.audit_event_partitions(),
  postern.expire_sessions(), postern.expire_one_time_tokens(),
  postern.expire_address_changes(), postern.expire_rate_limits(),
  postern.expire_mails(), postern.expire_accounts(bigint)
  TO postern_janitor;

GRANT SELECT ON ALL TABLES IN SCHEMA postern TO postern_admin;
REVOKE SELECT ON postern.password, postern.one_time_token FROM postern_admin;
GRANT UPDATE (disabled_at, epoch) ON postern.account TO postern_admin;
GRANT UPDATE (ended_at, end_reason) ON postern.session TO postern_admin;
GRANT INSERT (event, account_id, session_id, client) ON postern.audit_event
  TO postern_admin;
GRANT UPDATE (due_at, leased_until, state, ended_at)
  ON postern.mail_outbox TO postern_admin;
GRANT INSERT (kid, algorithm, public_key, sealed_private_key, active_at),
  UPDATE (retired_at, expires_at) ON postern.signing_key TO postern_admin;

INSERT INTO postern.schema_migration (version, name) VALUES (1, 'initial');
