-- Certificates that do not count any more: one by its serial number, or those of a subject that begin no later than issued_until, in microseconds; of a retired node that is the largest
-- number there is, for those to come as well.
create table revocations (
    serial text not null,
    subject text not null,
    issued_until integer not null,
    reason text not null,
    actor text not null,
    revoked_at integer not null,
    primary key (serial, subject),
    check ((serial = '') <> (subject = ''))
) without rowid;

-- The newest certificate that each node and person has shown or was given.
create table certificates (
    subject text primary key not null,
    serial text not null,
    authority text not null,
    begins_at integer not null,
    ends_at integer not null,
    seen_at integer not null
) without rowid;

-- That a certificate nears its end is told once.
create table certificate_notices (
    serial text not null,
    concern integer not null,
    ends_at integer not null,
    primary key (serial, concern)
) without rowid;

-- Steps of pki/authorities that the event log tells of.
create table authority_steps (
    number integer primary key not null
);

-- Nodes that were retired, and those that may enrol once more with another key; without one the state a node is in is none of either.
create table node_standings (
    name text primary key not null,
    standing text not null check (standing in ('retired', 'reenrol')),
    reason text not null,
    actor text not null,
    since integer not null
) without rowid;
