// The camera: opening it, and its frames with the times at which they were captured.

const WISH = {
  audio: false,
  video: { facingMode: "user", width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 30 } },
};

const REASONS = {
  NotAllowedError: "The camera was not allowed. Allow it in the browser's address bar, then start again.",
  NotFoundError: "No camera was found. Plug one in, then start again.",
  NotReadableError: "Another program uses the camera. Close it, then start again.",
  OverconstrainedError: "The camera gives no usable picture. Try another one.",
};

export class CameraError extends Error {}

// `isOver` says whether nobody waits for it any more.
export async function openCamera(video, isOver) {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new CameraError(
      "Browsers give the camera to pages of this machine and to https alone. Open the page there, or serve it by https.");
  }
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia(WISH);
  } catch (error) {
    throw new CameraError(REASONS[error.name] ?? `The camera could not be opened (${error.name}).`);
  }
  if (isOver()) {
    closeCamera(stream, video);
    return stream;
  }
  video.srcObject = stream;
  try {
    await video.play();
  } catch (error) {
    closeCamera(stream, video);
    throw new CameraError(`The camera's picture cannot be shown (${error.name}). Start again.`);
  }
  return stream;
}

export function closeCamera(stream, video) {
  stream.getTracks().forEach((track) => track.stop());
  if (video.srcObject === stream) video.srcObject = null;
}

// Calls `take(t_s)` for each frame of a playing video until the function that it returns is called.
export function eachFrame(video, take) {
  let isOver = false, clock = null, last = -1;
  const byCallback = (now, metadata) => {
    if (isOver) return;
    // One clock for the whole time: the camera's own where the browser tells it.
    clock ??= metadata.captureTime === undefined ? "mediaTime" : "captureTime";
    const t = clock === "captureTime" ? (metadata.captureTime ?? now) / 1000 : metadata.mediaTime;
    if (t > last) take((last = t));
    video.requestVideoFrameCallback(byCallback);
  };
  const byScreen = (now) => {
    if (isOver) return;
    if (video.currentTime !== last) {
      last = video.currentTime;
      take(now / 1000);
    }
    requestAnimationFrame(byScreen);
  };
  if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(byCallback);
  else requestAnimationFrame(byScreen);
  return () => (isOver = true);
}
