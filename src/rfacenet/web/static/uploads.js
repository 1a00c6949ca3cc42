// Video files: sent, waited for, answered.

import { offer } from "/save.js";

const ASK_EVERY_MS = 700;

function resultText({ heart_rate_bpm: rate, quality, reason, method, notes }) {
  const name = method.replace(/\.simulated$/, "");
  const answer = rate === null ? `No heart rate (${name}). ${reason ?? ""}` : `${rate.toFixed(1)} beats per minute (quality ${quality.toFixed(2)}, ${name}).`;
  return [answer, ...notes].join(" ");
}

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

// Sends one file after the other; the service measures them in that order.
export class Uploads {
  #list;
  #spoken;
  #method;
  #turn = Promise.resolve();

  // `list` is the list to write to, `spoken` what screen readers read out, `method` a function that gives the
  // method to measure by.
  constructor(list, spoken, method) { [this.#list, this.#spoken, this.#method] = [list, spoken, method]; }

  add(files) {
    for (const file of files) {
      const job = new Job(file, this.#method(), (text) => (this.#spoken.textContent = text));
      this.#list.append(job.item);
      this.#turn = this.#turn.then(() => job.send());
    }
  }
}

class Job {
  #file;
  #method;
  #speak;
  #id = null;
  #isGone = false;
  #request = null;
  #answer = element("span", { className: "answer muted", textContent: "Waits to be sent" });
  #bar = element("progress", { max: 1, value: 0 });
  #remove = element("button", { type: "button", textContent: "Remove" });

  constructor(file, method, speak) {
    [this.#file, this.#method, this.#speak] = [file, method, speak];
    this.#bar.setAttribute("aria-label", `Progress of ${file.name}`);
    this.#remove.setAttribute("aria-label", `Remove ${file.name}`);
    this.#remove.onclick = () => this.#forget();
    const name = element("span", { className: "name", textContent: file.name });
    this.item = element("li", {}, name, this.#answer, this.#remove, this.#bar);
  }

  async send() {
    if (this.#isGone) return;
    const { status, body } = await this.#post();
    if (this.#isGone) return;
    if (status === 503) { // the queue is full
      this.#say(body?.detail ?? "The service is busy.");
      await new Promise((go) => setTimeout(go, 5000));
      return this.send();
    }
    if (status !== 202) return this.#end(body?.detail?.toString() ?? "The video could not be sent.");
    this.#id = body.id;
    this.#follow(); // not waited for: the next file can be sent meanwhile
  }

  // XMLHttpRequest, as fetch does not tell how much has been sent.
  #post() {
    const request = (this.#request = new XMLHttpRequest());
    const query = new URLSearchParams({ name: this.#file.name, method: this.#method });
    request.open("POST", `/api/videos?${query}`);
    request.responseType = "json";
    request.setRequestHeader("content-type", "application/octet-stream");
    request.upload.onprogress = ({ loaded, total }) => {
      this.#bar.value = loaded / total;
      this.#say(`Sending, ${Math.round((100 * loaded) / total)} %`);
    };
    return new Promise((give) => {
      request.onloadend = () => give({ status: request.status, body: request.response });
      request.send(this.#file);
    });
  }

  async #follow() {
    while (!this.#isGone) {
      let answer;
      try {
        const reply = await fetch(`/api/videos/${this.#id}`);
        answer = reply.ok ? await reply.json() : null;
      } catch {
        answer = null;
      }
      if (this.#isGone) return;
      if (answer === null) return this.#end("The service forgot this video or cannot be reached.");
      if (answer.state === "done") return this.#show(answer.result);
      if (answer.state === "waiting") {
        this.#bar.value = 0;
        this.#say(answer.before === 1 ? "Waits for one other video" : `Waits for ${answer.before} other videos`);
      } else {
        if (answer.progress === null) this.#bar.removeAttribute("value");
        else this.#bar.value = answer.progress;
        this.#say(answer.progress ? `Measuring, ${Math.round(100 * answer.progress)} %` : "Measuring");
      }
      await new Promise((go) => setTimeout(go, ASK_EVERY_MS));
    }
  }

  #show(result) {
    this.#end(resultText(result));
    if (result.fs_hz === null) return; // it could not be read: there is nothing to report
    const where = `/api/videos/${this.#id}`;
    const report = element("a", { className: "button", href: `${where}/report`, target: "_blank", rel: "noopener", textContent: "Report" });
    const json = element("button", { type: "button", textContent: "JSON" });
    json.onclick = () => offer(JSON.stringify(result), "application/json", "heart-rate.json");
    const csv = element("a", { className: "button", href: `${where}/csv`, download: "heart-rate.csv", textContent: "CSV" });
    const buttons = element("span", { className: "saves" }, report, json, csv);
    this.#remove.before(buttons);
    buttons.append(this.#remove);
  }

  #say(text) { if (this.#answer.textContent !== text) this.#answer.textContent = text; }

  // Only how it ends is read out: nobody wants to hear each percent.
  #end(text) {
    this.#say(text);
    this.#speak(`${this.#file.name}: ${text}`);
    this.#answer.classList.remove("muted");
    this.#bar.hidden = true;
  }

  #forget() {
    this.#isGone = true;
    this.#request?.abort();
    if (this.#id) fetch(`/api/videos/${this.#id}`, { method: "DELETE" }).catch(() => {});
    const neighbour = this.item.nextElementSibling ?? this.item.previousElementSibling;
    this.item.remove();
    (neighbour?.querySelector("button[aria-label^=Remove]") ?? document.getElementById("files")).focus();
  }
}
