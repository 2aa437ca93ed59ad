-- Parts that hold no more events of roles whose time is over: they are not read for it again.
CREATE TABLE parts_without (
    part TEXT NOT NULL,
    role TEXT NOT NULL,
    PRIMARY KEY (part, role)
);
