// The network of one device: what the client's XMLHttpRequest does, and the
// faults that a test can put in its way. Requests are real HTTP over kept-alive
// connections; only their fate is in the hands of the test.
import http from 'node:http';

export class Net {
  online = true;
  log = []; // every exchange, oldest first: {fn, sent, status, received, fate}
  #faults = []; // waiting for a request with their fn; each is used once
  #agent = new http.Agent({ keepAlive: true });
  #closed = false;

  // The request never reaches the server, the client sees a network error.
  dropRequest(fn = 'sync') { return this.#add({ fn, fate: 'request lost' }); }

  // The server handles the request, the client sees a network error.
  dropResponse(fn = 'sync') { return this.#add({ fn, fate: 'response lost' }); }

  // The server gets the request twice; the client sees the second answer.
  duplicate(fn = 'sync') { return this.#add({ fn, fate: 'doubled' }); }

  // Changes the parsed request body on its way.
  rewrite(change, fn = 'sync') { return this.#add({ fn, fate: 'rewritten', change }); }

  // The answer comes without results, as when the backend is too slow to have
  // any yet. The server keeps them, since nothing acknowledges them.
  withholdResults() { return this.#add({ fn: 'sync', fate: 'results withheld' }); }

  // Keeps the response back: `answered` resolves when the server has answered,
  // `release` lets the client have the answer. This is a delay whose length is
  // chosen by the test's own steps instead of by a clock.
  hold(fn = 'sync') {
    const fault = this.#add({ fn, fate: 'held' });
    fault.released = new Promise((resolve) => { fault.release = resolve; });
    fault.answered = new Promise((resolve) => { fault.noteAnswer = resolve; });
    return fault;
  }

  exchanges(fn, from = 0) { return this.log.slice(from).filter((e) => e.fn === fn); }

  close() {
    this.#closed = true;
    this.#agent.destroy();
  }

  async exchange(url, headers, body) {
    const sent = JSON.parse(body);
    const entry = { fn: sent.fn, sent, status: 0 };
    this.log.push(entry);
    if (!this.online || this.#closed) throw new Error('no network');
    const fault = this.#take(sent.fn);
    entry.fate = fault?.fate;
    if (fault?.fate === 'request lost') throw new Error('request lost');
    if (fault?.change) {
      fault.change(sent);
      body = JSON.stringify(sent);
    }
    if (fault?.fate === 'doubled') await this.#post(url, headers, body);
    const answer = await this.#post(url, headers, body);
    if (fault?.fate === 'results withheld') answer.text = withoutResults(answer.text);
    entry.status = answer.status;
    entry.received = parse(answer.text);
    if (fault?.fate === 'held') {
      fault.noteAnswer(entry);
      await fault.released;
    }
    if (fault?.fate === 'response lost' || this.#closed) throw new Error('response lost');
    return answer;
  }

  #add(fault) {
    this.#faults.push(fault);
    return fault;
  }

  #take(fn) {
    const i = this.#faults.findIndex((f) => f.fn === fn);
    return i < 0 ? undefined : this.#faults.splice(i, 1)[0];
  }

  // A kept-alive connection may be closed by the server in the very moment of
  // its reuse. Browsers then repeat the request on a new connection; so do we.
  async #post(url, headers, body) {
    for (;;) {
      const req = http.request(url, { method: 'POST', agent: this.#agent, headers });
      try {
        return await answerOf(req, body);
      } catch (err) {
        if (!(req.reusedSocket && err.code === 'ECONNRESET')) throw err;
      }
    }
  }
}

function answerOf(req, body) {
  return new Promise((resolve, reject) => {
    req.on('error', reject);
    req.on('response', (res) => {
      const chunks = [];
      res.on('data', (chunk) => chunks.push(chunk));
      res.on('error', reject);
      res.on('end', () => resolve({ status: res.statusCode, text: Buffer.concat(chunks).toString('utf8') }));
    });
    req.end(body);
  });
}

function withoutResults(text) {
  return JSON.stringify({ ...JSON.parse(text), updates: { hashes: {} } });
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // the client judges the text itself
  }
}

// The part of XMLHttpRequest that the client uses. An exception in the client's
// handler would vanish in a browser's console and leave its sync loop hanging
// for ever, so `onCrash` hears of it.
export function xhrClass(net, onCrash) {
  return class XMLHttpRequest {
    static DONE = 4;
    readyState = 0;
    status = 0;
    responseText = '';
    #url;
    #headers = {};

    open(method, url) { this.#url = url; }

    setRequestHeader(name, value) { this.#headers[name] = value; }

    send(body) {
      net.exchange(this.#url, this.#headers, body).then(
        (answer) => this.#finish(answer.status, answer.text),
        () => this.#finish(0, ''),
      );
    }

    #finish(status, text) {
      Object.assign(this, { readyState: 4, status, responseText: text });
      try {
        this.onreadystatechange();
      } catch (err) {
        onCrash(err);
      }
    }
  };
}
