-- What the activity says besides changes: readiness, anomalies. JSON text, added keys only.
ALTER TABLE batches ADD COLUMN findings_json TEXT NOT NULL DEFAULT '{}';
