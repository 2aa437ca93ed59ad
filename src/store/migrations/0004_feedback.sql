-- Scopes and factors of a change, as the batch prints them.
ALTER TABLE changes ADD COLUMN factors_json TEXT NOT NULL DEFAULT '[]';
ALTER TABLE changes ADD COLUMN scopes_json TEXT NOT NULL DEFAULT '[]';

-- Whether a verdict only followed from one on another change.
ALTER TABLE feedback ADD COLUMN follows BIGINT NOT NULL DEFAULT 0 CHECK (follows IN (0, 1));

-- What a change proposes is known by its id since.
ALTER TABLE feedback DROP COLUMN identity;
