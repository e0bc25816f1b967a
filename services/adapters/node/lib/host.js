'use strict';
// What the methods of both services share: handlers, keys, the way out of a call.
const fs = require('node:fs');
const { credentials, status } = require('@grpc/grpc-js');
const { toStatus } = require('./errors');
const { Keys, MemoryStore } = require('./keys');
const { Otherwise } = require('./otherwise');

class Host {
  constructor(handlers, infos, options, Client, channelOptions) {
    Object.assign(this, { handlers, infos, options, log: options.log ?? toConsole, active: 0, whenIdle: () => {} });
    this.keys = options.keys === false ? null : new Keys(options.keys ?? new MemoryStore(), this.log);
    const { otherwise, otherwiseTls: tls } = options;
    this.otherwise = otherwise ? new Otherwise(Client, otherwise, tls && clientCredentials(tls), channelOptions) : null;
  }

  // settle ends a call with what work resolves to, or with the status of its error.
  settle(method, call, done, work) {
    this.track(work).then((answer) => done(null, answer), (err) => done(this.statusOf(method, call, err)));
  }

  settleStream(method, call, work) {
    this.track(work).then(() => call.end(), (err) => {
      if (!call.cancelled) call.emit('error', this.statusOf(method, call, err));
    });
  }

  async track(work) {
    this.active++;
    try {
      return await work();
    } finally {
      if (--this.active === 0) this.whenIdle();
    }
  }

  // idle resolves once no call is under way.
  idle() {
    return new Promise((resolve) => {
      this.whenIdle = resolve;
      if (this.active === 0) resolve();
    });
  }

  statusOf(method, call, err) {
    const s = toStatus(err, this.options.notNow);
    const r = call.request;
    const about = `${method} of dataset ${(r.context ?? r.call)?.dataset ?? '?'}`;
    if (s.code === status.UNKNOWN || s.code === status.INTERNAL) this.log.error(`${about} failed: ${err?.stack ?? s.details}`);
    if (s.code === status.UNAVAILABLE) this.log.warn(`${about}: not now: ${s.details}`);
    return s;
  }

  close() {
    this.otherwise?.close();
  }
}

const toConsole = {
  info: (text) => console.log(text),
  warn: (text) => console.warn(text),
  error: (text) => console.error(text),
};

function clientCredentials({ caFile, certFile, keyFile }) {
  const read = (file) => (file ? fs.readFileSync(file) : null);
  return credentials.createSsl(read(caFile), read(keyFile), read(certFile));
}

module.exports = { Host, toConsole };
