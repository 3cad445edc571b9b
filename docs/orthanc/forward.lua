-- Orthanc sends each radiograph it stores to the node. Segmentations that come
-- back have Modality SEG and stay.
local forwarded = { CR = true, DX = true, MG = true, RF = true, XA = true }

function OnStoredInstance(instanceId, tags, metadata, origin)
   if forwarded[tags['Modality']] then
      SendToModality(instanceId, 'dicomnode')
   end
end
