/**
 * Where the colours are uncertain, as a picture to lay over the photo.
 *
 * @module uncertainty
 */

import { api } from "./api.js";

/**
 * The server's grey uncertainty picture as warm, partly transparent colours.
 * @param {string} address
 * @returns {Promise<CanvasImageSource>}
 */
export async function heatMap(address) {
  const grey = await createImageBitmap((await api.file(address)).blob);
  const canvas = new OffscreenCanvas(grey.width, grey.height);
  const context = canvas.getContext("2d");
  if (!context) return grey;
  context.drawImage(grey, 0, 0);
  const image = context.getImageData(0, 0, grey.width, grey.height);
  // Stretched between the photo's own calm and uncertain parts: what counts is where it is worse than elsewhere.
  const sorted = image.data.filter((_, i) => i % 4 === 0).sort();
  const low = sorted[Math.floor(sorted.length * 0.1)];
  const high = Math.max(sorted[Math.floor(sorted.length * 0.98)], low + 24);
  for (let i = 0; i < image.data.length; i += 4) {
    const value = Math.min(Math.max((image.data[i] - low) / (high - low), 0), 1);
    image.data.set([255, 225 - 150 * value, 110 - 70 * value, 185 * value ** 1.6], i);
  }
  context.putImageData(image, 0, 0);
  return canvas;
}
