// One measurement: camera, connection, and what goes from the one to the other.

import { CameraError, closeCamera, eachFrame, openCamera } from "/camera.js";
import { Connection } from "/connection.js";
import { Cutter, enlarged } from "/crop.js";
import { GlidingBox } from "/glide.js";

const LOOK_EVERY_S = 1.0, ANSWER_WITHIN_S = 5.0;
const PICTURE_PX = 480; // longer side of the picture that the face is looked for in
const STALL_S = 2.0, GIVE_UP_S = 15.0;
const RESULT_WITHIN_MS = 6000; // a busy machine takes its time; the person waits
const MARGIN_S = 10; // before the service ends it, and forgets it

export const CAMERA_STOPPED = "The camera stopped. Check it, then start again.";
const STALLED = "The camera gives no pictures at the moment.";
const TOO_LONG = "So long a measurement ends by itself. Start again to go on.";
const HIDDEN = "The page is in the background, where browsers hold the pictures back.";

export class Measurement {
  #video;
  #stream = null;
  #on;
  #cutter = new Cutter();
  #box = new GlidingBox();
  #looking = document.createElement("canvas");
  #connection = null;
  #format = null; // {crop_px, enlarge, longest_s}
  #stopFrames = () => {};
  #watch = null;
  #timer = null;
  #lookedAt = -1e9;
  #asked = null; // number of the picture whose answer is awaited
  #hasLooked = false;
  #frameAt = 0;
  #isStalled = false;
  #isEnding = false;
  #isOver = false;
  #kept = null; // the result after the last frame, asked for while it still could be

  // `on` has ready(), estimate(message), box(box or null, in shares of the picture), stall(sentence),
  // finish(), end(sentence, result or null).
  constructor(video, on) { [this.#video, this.#on] = [video, on]; }

  async start(method) {
    try {
      this.#stream = await openCamera(this.#video, () => this.#isEnding);
      this.#stream.getTracks().forEach((track) => track.addEventListener("ended", () => this.finish(CAMERA_STOPPED)));
    } catch (error) {
      if (!(error instanceof CameraError)) throw error;
      return this.end(error.message);
    }
    if (this.#isEnding) return closeCamera(this.#stream, this.#video);
    this.#frameAt = performance.now() / 1000;
    this.#connection = new Connection(method, {
      ready: (format) => this.#begin(format),
      face: (answer) => this.#see(answer),
      estimate: (message) => this.#on.estimate(message),
      end: (sentence) => this.end(sentence),
    });
    this.#stopFrames = eachFrame(this.#video, (t) => this.#take(t));
    this.#watch = setInterval(() => this.#check(), 500);
  }

  // What was measured in the last half minute; null if it is not to be had.
  async result() {
    const result = (await this.#connection?.result()) ?? null;
    this.#kept = result ?? this.#kept;
    return result;
  }

  // Closes the camera, fetches what was measured and ends it; the sentence says why, and is empty where the
  // person asked for it.
  async finish(sentence = "") {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#closeCamera();
    this.#on.finish();
    await Promise.race([this.result(), new Promise((go) => setTimeout(go, RESULT_WITHIN_MS))]);
    this.end(sentence);
  }

  // Ends it at once.
  end(sentence = "") {
    if (this.#isOver) return;
    this.#isOver = this.#isEnding = true;
    this.#closeCamera();
    this.#connection?.close();
    this.#on.end(sentence, this.#kept);
  }

  #closeCamera() {
    clearInterval(this.#watch);
    clearTimeout(this.#timer);
    this.#stopFrames();
    if (this.#stream) closeCamera(this.#stream, this.#video);
  }

  #begin(format) {
    this.#format = format;
    this.#timer = setTimeout(() => this.finish(TOO_LONG), 1000 * (format.longest_s - MARGIN_S));
    this.#on.ready(format);
  }

  #take(t) {
    const now = performance.now() / 1000;
    this.#frameAt = now;
    this.#kept = null;
    if (!this.#format || !this.#video.videoWidth) return;
    const mayAsk = this.#asked === null || now - this.#lookedAt > ANSWER_WITHIN_S;
    if (mayAsk && now - this.#lookedAt >= LOOK_EVERY_S && this.#connection.isFree) this.#look(t, now);
    const box = this.#box.at(now);
    this.#on.box(box && this.#inShares(box));
    if (!this.#hasLooked || !this.#connection.isFree) return;
    if (box === null) this.#connection.nothing(t);
    else this.#connection.crop(t, this.#cutter.cut(this.#video, enlarged(box, this.#format.enlarge), this.#format.crop_px));
  }

  // Ask where the face is.
  #look(t, now) {
    this.#lookedAt = now;
    const { videoWidth, videoHeight } = this.#video, shrink = Math.min(1, PICTURE_PX / Math.max(videoWidth, videoHeight));
    this.#looking.width = Math.round(shrink * videoWidth);
    this.#looking.height = Math.round(shrink * videoHeight);
    const context = this.#looking.getContext("2d", { alpha: false });
    context.imageSmoothingQuality = "high";
    context.drawImage(this.#video, 0, 0, this.#looking.width, this.#looking.height);
    this.#asked = -1;
    this.#looking.toBlob(async (blob) => {
      const number = blob && this.#connection.picture(t, await blob.arrayBuffer());
      this.#asked = number ?? null;
    }, "image/jpeg", 0.9);
  }

  #see({ number, box, is_other }) {
    if (number === this.#asked) this.#asked = null;
    this.#hasLooked = true;
    const { videoWidth, videoHeight } = this.#video;
    const inPixels = box && {
      x: box.x * videoWidth, y: box.y * videoHeight, width: box.width * videoWidth, height: box.height * videoHeight,
    };
    this.#box.see(inPixels, performance.now() / 1000, is_other);
  }

  #inShares({ x, y, width, height }) {
    const { videoWidth, videoHeight } = this.#video;
    return { x: x / videoWidth, y: y / videoHeight, width: width / videoWidth, height: height / videoHeight };
  }

  // The frames themselves tell whether the camera works: not every browser says so.
  #check() {
    const silence = performance.now() / 1000 - this.#frameAt;
    const tracks = this.#video.srcObject?.getVideoTracks() ?? [];
    if (tracks.every((track) => track.readyState === "ended")) return this.finish(CAMERA_STOPPED);
    const wasStalled = this.#isStalled;
    this.#isStalled = silence >= STALL_S;
    if (!this.#isStalled) return;
    if (!wasStalled) this.result(); // the service does not wait forever
    if (silence > GIVE_UP_S && !document.hidden) return this.finish(CAMERA_STOPPED);
    this.#on.stall(document.hidden ? HIDDEN : STALLED);
  }
}
