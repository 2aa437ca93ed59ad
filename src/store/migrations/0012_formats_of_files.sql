-- In which format a file was read: it is read anew in another one.
ALTER TABLE seen_files ADD COLUMN format TEXT NOT NULL DEFAULT 'signal';
