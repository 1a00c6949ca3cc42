// Saving what was measured: files that the browser makes itself.

import { colour } from "/charts.js";

export function offer(content, type, name) {
  const address = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

export function fileName(ending, now = new Date()) {
  const two = (number) => String(number).padStart(2, "0");
  const day = `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
  return `heart-rate-${day}-${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}.${ending}`;
}

// A picture of the measurement, without the face: rate, wave and history.
export function picture({ rate, confidence, method, wave, history }) {
  const canvas = document.createElement("canvas"), width = 1000, height = 720;
  canvas.width = 2 * width; canvas.height = 2 * height;
  const context = canvas.getContext("2d");
  context.scale(2, 2);
  const write = (text, x, y, font, tone) => {
    context.font = `${font} system-ui, 'DejaVu Sans', sans-serif`;
    context.fillStyle = colour(tone);
    context.fillText(text, x, y);
    return context.measureText(text).width;
  };
  context.fillStyle = colour("card");
  context.fillRect(0, 0, width, height);
  write("Heart rate", 40, 56, "600 22px", "muted");
  const wide = write(rate, 40, 144, "680 92px", "ink");
  write("beats per minute", 56 + wide, 144, "20px", "muted");
  write(`${confidence} · method ${method} · ${new Date().toLocaleString()}`, 40, 184, "17px", "muted");
  write("Pulse wave", 40, 236, "600 17px", "ink");
  write("Rate over time", 40, 446, "600 17px", "ink");
  const area = (y, tall) => { context.setTransform(2, 0, 0, 2, 80, 2 * y); return { context, width: width - 80, height: tall }; };
  wave.draw(area(250, 150));
  context.textAlign = "start";
  history.draw(area(460, 190));
  context.setTransform(2, 0, 0, 2, 0, 0);
  context.textAlign = "start";
  write("Made by rfacenet. Not a medical device.", 40, height - 26, "14px", "muted");
  return new Promise((give) => canvas.toBlob(give, "image/png"));
}
