// Cutting the face out of a frame, raw: no codec between the camera and the method.
//
// A browser's own scaling samples some pixels and passes over others, and how is not written down anywhere. So the
// box's pixels are read one to one, and averaged here: each cell of the crop is the mean of what it covers, a pixel
// that it covers by 30 % counting 30 %, as in the library's faces/cropping.py.

// Which pixels of an axis lie in each cell between `start` and `start + length`, and how much of the cell each is.
// Beyond the axis' ends the end pixel counts as repeated.
function shares(start, length, cells, pixels) {
  const first = new Int32Array(cells + 1), index = [], weight = [];
  for (let cell = 0; cell < cells; cell++) {
    const begin = start + (length * cell) / cells, end = start + (length * (cell + 1)) / cells;
    first[cell] = index.length;
    for (let pixel = Math.floor(begin); pixel < end; pixel++) {
      index.push(Math.min(Math.max(pixel, 0), pixels - 1));
      weight.push((Math.min(pixel + 1, end) - Math.max(pixel, begin)) / (end - begin));
    }
  }
  first[cells] = index.length;
  return { first, index, weight };
}

// The pixels `rgba` of a region of a frame, averaged down to `height` times `width` cells of the box within it.
export function averaged(rgba, region, box, frame, [height, width]) {
  const columns = shares(box.x, box.width, width, frame.width);
  const rows = shares(box.y, box.height, height, frame.height);
  const stride = 4 * region.width, narrow = new Float32Array(3 * width * region.height);
  for (let y = 0; y < region.height; y++) {
    for (let cell = 0; cell < width; cell++) {
      let red = 0, green = 0, blue = 0;
      for (let k = columns.first[cell]; k < columns.first[cell + 1]; k++) {
        const at = y * stride + 4 * (columns.index[k] - region.x), share = columns.weight[k];
        red += share * rgba[at]; green += share * rgba[at + 1]; blue += share * rgba[at + 2];
      }
      const to = 3 * (y * width + cell);
      narrow[to] = red; narrow[to + 1] = green; narrow[to + 2] = blue;
    }
  }
  const crop = new Uint8Array(3 * height * width), line = 3 * width;
  for (let cell = 0; cell < height; cell++) {
    for (let value = 0; value < line; value++) {
      let sum = 0.5; // rounded, not cut off
      for (let k = rows.first[cell]; k < rows.first[cell + 1]; k++) {
        sum += rows.weight[k] * narrow[(rows.index[k] - region.y) * line + value];
      }
      crop[cell * line + value] = sum;
    }
  }
  return crop;
}

// The whole pixels that a box touches within a frame; at least one.
export function regionOf(box, frame) {
  const within = (value, most) => Math.min(Math.max(Math.floor(value), 0), most);
  const x = within(box.x, frame.width - 1), y = within(box.y, frame.height - 1);
  return {
    x, y,
    width: within(Math.ceil(box.x + box.width), frame.width) - x || 1,
    height: within(Math.ceil(box.y + box.height), frame.height) - y || 1,
  };
}

export function enlarged(box, factor) {
  const width = box.width * factor, height = box.height * factor;
  return { x: box.x - (width - box.width) / 2, y: box.y - (height - box.height) / 2, width, height };
}

// Takes crops from a playing video.
export class Cutter {
  #canvas = document.createElement("canvas");
  // Kept in ordinary memory, where its pixels can be read without waiting for a graphics card.
  #context = this.#canvas.getContext("2d", { willReadFrequently: true, alpha: false });

  cut(video, box, size) {
    const frame = { width: video.videoWidth, height: video.videoHeight }, region = regionOf(box, frame);
    if (this.#canvas.width < region.width || this.#canvas.height < region.height) {
      this.#canvas.width = Math.max(this.#canvas.width, region.width);
      this.#canvas.height = Math.max(this.#canvas.height, region.height);
    }
    const { x, y, width, height } = region;
    this.#context.drawImage(video, x, y, width, height, 0, 0, width, height);
    const { data } = this.#context.getImageData(0, 0, width, height);
    return averaged(data, region, box, frame, size);
  }
}
