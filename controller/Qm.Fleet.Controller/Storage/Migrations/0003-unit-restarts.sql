-- How often units restarted is counted for each unit: one that is started anew must not hide, or be taken for, what others did.
alter table rollout_members add column unit_restarts text not null default '{}';
alter table rollout_members drop column restarts;
