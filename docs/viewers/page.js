// A page that shows a radiograph and a segmentation of it, both from an archive over
// DICOMweb, with cornerstone3D, the library under OHIF. The test in dicomnode/viewers
// drives it and counts the pixels.
import { init as initCore, RenderingEngine, Enums, metaData, eventTarget } from '@cornerstonejs/core';
import { init as initTools, segmentation, Enums as ToolEnums } from '@cornerstonejs/tools';
import * as loader from '@cornerstonejs/dicom-image-loader';
import { adaptersSEG } from '@cornerstonejs/adapters';
import { adaptersSEG as adapters3 } from 'adapters3';
import { adaptersSEG as adapters4 } from 'adapters4';

const { Labelmap } = ToolEnums.SegmentationRepresentations;

// Saturated colours that no grey scale contains, one for each segment.
const colours = [[0, 0, 0, 0], [255, 0, 0, 255], [0, 255, 0, 255], [0, 0, 255, 255], [255, 0, 255, 255]];

// next resolves at the next event of an element or of cornerstone.
const next = (target, name) => new Promise(done => target.addEventListener(name, done, { once: true }));

async function fetched(url, accept) {
  const answer = await fetch(url, { headers: { Accept: accept } });
  if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
  return answer;
}

// counts how often each segment number occurs in what an adapter made.
function counts(result) {
  const layers = result.labelMapImages
    ? result.labelMapImages.flat().map(image => image.getPixelData ? image.getPixelData() : image.voxelManager.getScalarData())
    : result.labelmapBufferArray.map(buffer => new Uint16Array(buffer));
  const n = [0, 0, 0, 0, 0];
  for (const layer of layers) for (const v of layer) n[v]++;
  return n.slice(1);
}

// loaded is what one adapter reads, or the words in which it fails.
async function loaded(adapter, imageId, buffer) {
  try {
    return { counts: counts(await adapter.Cornerstone3D.Segmentation.createFromDICOMSegBuffer([imageId], buffer.slice(0), { metadataProvider: metaData, tolerance: 0.001 })) };
  } catch (error) {
    return { error: String(error.message || error) };
  }
}

const segmentationFile = async path => (await fetched(`${location.origin}/seg/${path}`, 'application/dicom')).arrayBuffer();

// read has the adapters read a further segmentation of an image that is shown.
async function read(imagePath, segPath) {
  const imageId = `wadors:${location.origin}/dicom-web/${imagePath}/frames/1`;
  const buffer = await segmentationFile(segPath);
  return { adapters3: await loaded(adapters3, imageId, buffer), adapters4: await loaded(adapters4, imageId, buffer), adapters5: await loaded(adaptersSEG, imageId, buffer) };
}

// start shows the image of a path below /dicom-web and the segmentation of another.
async function start(imagePath, segPath) {
  await initCore();
  await initTools();
  loader.init({ maxWebWorkers: 1 });
  const path = `${location.origin}/dicom-web/${imagePath}`;
  const [header] = await (await fetched(`${path}/metadata`, 'application/dicom+json')).json();
  const imageId = `wadors:${path}/frames/1`;
  loader.wadors.metaDataManager.add(imageId, header);

  const element = document.getElementById('view');
  const engine = new RenderingEngine('engine');
  engine.enableElement({ viewportId: 'view', element, type: Enums.ViewportType.STACK });
  const viewport = engine.getViewport('view');
  await viewport.setStack([imageId]);

  const buffer = await segmentationFile(segPath);
  const report = { adapters3: await loaded(adapters3, imageId, buffer), adapters4: await loaded(adapters4, imageId, buffer) };
  const result = await adaptersSEG.Cornerstone3D.Segmentation.createFromDICOMSegBuffer([imageId], buffer, { metadataProvider: metaData, tolerance: 0.001 });
  report.adapters5 = { counts: counts(result) };

  segmentation.addSegmentations([{ segmentationId: 'regions', representation: { type: Labelmap, data: { imageIds: result.labelMapImages.flat().map(image => image.imageId) } } }]);
  segmentation.config.style.setStyle({ type: Labelmap }, { renderOutline: false, renderFill: true, fillAlpha: 1, fillAlphaInactive: 1 });
  const drawn = next(eventTarget, ToolEnums.Events.SEGMENTATION_RENDERED);
  await segmentation.addLabelmapRepresentationToViewport('view', [{ segmentationId: 'regions' }]);
  for (let i = 1; i < colours.length; i++) segmentation.config.color.setSegmentIndexColor('view', 'regions', i, colours[i]);
  await drawn;
  const rendered = next(element, Enums.Events.IMAGE_RENDERED);
  viewport.render();
  await rendered;
  return { ...report, ...onScreen(viewport.getCanvas()) };
}

// onScreen counts the rendered pixels of each colour.
function onScreen(canvas) {
  const flat = document.createElement('canvas');
  flat.width = canvas.width;
  flat.height = canvas.height;
  const context = flat.getContext('2d');
  context.drawImage(canvas, 0, 0);
  const data = context.getImageData(0, 0, flat.width, flat.height).data;
  const n = [0, 0, 0, 0];
  for (let i = 0; i < data.length; i += 4) {
    for (let k = 1; k < colours.length; k++) {
      if (data[i] === colours[k][0] && data[i + 1] === colours[k][1] && data[i + 2] === colours[k][2]) n[k - 1]++;
    }
  }
  return { screen: n, width: flat.width, height: flat.height };
}

window.start = start;
window.read = read;
document.title = 'ready';
