-- Health of every kind of incident-operator.dev, for Argo CD: what the conditions say, as kstatus reads them.
-- Suspended: somebody has to do something before it goes on, and nothing is wrong.
if obj.kind == "AccessGrant" then
  return { status = "Healthy", message = "A grant is in force as soon as it exists." }
end
if obj.metadata.deletionTimestamp ~= nil then
  return { status = "Progressing", message = "It is being deleted." }
end
if obj.spec ~= nil and obj.spec.suspend == true then
  return { status = "Suspended", message = "spec.suspend is true: nothing is read or written in AWS." }
end
local status = obj.status
if status == nil or status.conditions == nil then
  return { status = "Progressing", message = "The operator has not looked at it yet." }
end
local found = {}
for _, condition in ipairs(status.conditions) do
  found[condition.type] = condition
end
local function say(health, condition)
  return { status = health, message = condition.reason .. ": " .. (condition.message or "") }
end
if status.observedGeneration == nil or status.observedGeneration < obj.metadata.generation then
  return { status = "Progressing", message = "The operator has not taken in the latest edit yet." }
end
if found.Stalled ~= nil and found.Stalled.status == "True" then
  return say("Degraded", found.Stalled)
end
if found.Reconciling ~= nil and found.Reconciling.status == "True" then
  return say("Progressing", found.Reconciling)
end
if found.Ready ~= nil and found.Ready.status == "True" then
  if obj.kind == "ChannelActivation" and status.phase == "AwaitingCode" then
    return { status = "Suspended", message = "A code was sent. It goes on when the person has given it back." }
  end
  return say("Healthy", found.Ready)
end
if found.Ready ~= nil then
  return say("Progressing", found.Ready)
end
return { status = "Progressing", message = "It is not known yet whether it is Ready." }
