// Bundles the page and the worker in which cornerstone decodes images.
import { build } from 'esbuild';

const options = {
  bundle: true, format: 'esm', logLevel: 'error', outdir: 'dist', publicPath: '/',
  loader: { '.wasm': 'file' }, define: { global: 'globalThis' },
  alias: { fs: './empty.js', path: './empty.js', crypto: './empty.js' }, // named by code that runs only in Node
};
await build({ ...options, entryPoints: { page: 'page.js' } });
await build({ ...options, entryPoints: { decodeImageFrameWorker: 'node_modules/@cornerstonejs/dicom-image-loader/dist/esm/decodeImageFrameWorker.js' } });
