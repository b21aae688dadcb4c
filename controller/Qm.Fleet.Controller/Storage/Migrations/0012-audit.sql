alter table events add column source text not null default '';
alter table events add column request_id text not null default '';
alter table events add column before_json text not null default '';
alter table events add column after_json text not null default '';
-- Of the event and of the hash before it; null only in events of before this script, until they are hashed when the database is opened.
alter table events add column hash blob check (hash is null or length(hash) = 32);

drop trigger events_are_not_changed;
create trigger events_are_not_changed before update of number, time, reason, severity, actor, fleet, node, unit, message, source, request_id, before_json, after_json on events
begin select raise(abort, 'events are append-only'); end;
create trigger event_hashes_are_not_changed before update of hash on events when old.hash is not null
begin select raise(abort, 'events are append-only'); end;
create trigger events_have_a_hash before insert on events when new.hash is null
begin select raise(abort, 'an event has no hash'); end;
