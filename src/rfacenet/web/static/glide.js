// The box of the followed face between two detections.
//
// Detections wobble by a few percent of the face, and a crop that jumped with each of them would change its mean
// colour more than a pulse does. So the box glides to a new place over the time until the next detection, and only
// half way where the face has hardly moved: what is left of the wobble is slower than any pulse.

const GLIDE_S = 1.0;
const STILL = 0.12; // of the face's width

const mix = (a, b, weight) => a + (b - a) * weight;
const between = (one, other, weight) => ({
  x: mix(one.x, other.x, weight), y: mix(one.y, other.y, weight),
  width: mix(one.width, other.width, weight), height: mix(one.height, other.height, weight),
});

export class GlidingBox {
  #from = null;
  #to = null;
  #start = 0;

  // A detection at a time in seconds, or null where there is no face any more.
  see(box, now, isOther) {
    const current = this.at(now);
    if (box === null || current === null || isOther) {
      this.#from = this.#to = box;
    } else {
      const moved = Math.max(
        Math.abs(box.x - current.x), Math.abs(box.y - current.y), Math.abs(box.width - current.width));
      this.#from = current;
      this.#to = moved < STILL * box.width ? between(current, box, 0.5) : box;
    }
    this.#start = now;
  }

  at(now) {
    if (this.#from === null) return null;
    return between(this.#from, this.#to, Math.min(Math.max((now - this.#start) / GLIDE_S, 0), 1));
  }
}
