-- Orthanc sends each radiograph it stores to the node. Segmentations that come
-- back have Modality SEG and stay.
local forwarded = { CR = true, DX = true, MG = true, RF = true, XA = true }

function OnStoredInstance(instanceId, tags, metadata, origin)
   if forwarded[tags['Modality']] then
      -- as a job, which resubmit.sh begins again when the node was down; SendToModality forgets what it could not send
      RestApiPost('/modalities/dicomnode/store', '{"Resources": ["' .. instanceId .. '"], "Asynchronous": true}')
   end
end
