// The live connection to the service; docs/api.md describes its messages.

const HEAD_BYTES = 16, VERSION = 1;
const PICTURE = 1, CROP = 2, NOTHING = 3;
const MOST_WAITING_BYTES = 1_000_000;

export class Connection {
  #socket;
  #number = 0;
  #results = [];

  // `on` has ready(message), face(message), estimate(message), end(sentence); each is called as such a thing comes.
  constructor(method, on) {
    const address = new URL("/api/live", location.href);
    address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    this.#socket = new WebSocket(address);
    this.#socket.binaryType = "arraybuffer";
    let reason = "The service cannot be reached. Is rfacenet serve still running?";
    this.#socket.onopen = () => this.#socket.send(JSON.stringify({ type: "start", method }));
    this.#socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.type === "busy") reason = message.detail;
      else if (message.type === "result") this.#results.splice(0).forEach((give) => give(message.result ? message : null));
      else on[message.type]?.(message);
    };
    this.#socket.onclose = ({ reason: said }) => {
      this.#results.splice(0).forEach((give) => give(null));
      on.end(said || reason);
    };
  }

  get isOpen() { return this.#socket.readyState === WebSocket.OPEN; }

  // Whether so little waits to be sent that another frame will be in time.
  get isFree() { return this.isOpen && this.#socket.bufferedAmount < MOST_WAITING_BYTES; }

  picture(t, jpeg) { return this.#send(PICTURE, t, new Uint8Array(jpeg)); }
  crop(t, pixels) { return this.#send(CROP, t, pixels); }
  nothing(t) { return this.#send(NOTHING, t, new Uint8Array(0)); }

  // Everything that the service remembers; null if the connection ended.
  result() {
    if (!this.isOpen) return Promise.resolve(null);
    if (!this.#results.length) this.#socket.send(JSON.stringify({ type: "save" })); // one answer serves all who wait
    return new Promise((give) => this.#results.push(give));
  }

  close() {
    this.#socket.onclose = null;
    this.#results.splice(0).forEach((give) => give(null));
    this.#socket.close();
  }

  #send(kind, t, content) {
    if (!this.isOpen) return;
    const message = new Uint8Array(HEAD_BYTES + content.length), head = new DataView(message.buffer);
    head.setUint8(0, kind);
    head.setUint8(1, VERSION);
    head.setUint32(4, ++this.#number, true);
    head.setFloat64(8, t, true);
    message.set(content, HEAD_BYTES);
    this.#socket.send(message);
    return this.#number;
  }
}
