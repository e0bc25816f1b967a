'use strict';
// Hands calls for which there is no handler on to another adapter, as they are. It is
// for what the reference server's default handlers did beside handlers of one's own:
// `tandem adapter mongo` serves the same collections.
const grpc = require('@grpc/grpc-js');
const { pipeline } = require('node:stream/promises');
const { Transform } = require('node:stream');
const { AdapterError } = require('./errors');

class Otherwise {
  constructor(Client, address, credentials, channelOptions) {
    this.client = new Client(address, credentials ?? grpc.credentials.createInsecure(), channelOptions);
  }

  unary(name, call) {
    return new Promise((resolve, reject) => {
      const sent = this.client[name](call.request, call.metadata, { deadline: call.getDeadline() },
        (err, answer) => (err ? reject(asIs(err)) : resolve(answer)));
      call.on('cancelled', () => sent.cancel());
    });
  }

  async stream(name, call) {
    const sent = this.client[name](call.request, call.metadata, { deadline: call.getDeadline() });
    call.on('cancelled', () => sent.cancel());
    // Through a stream of its own: the end of the call is for settleStream to write.
    const out = new Transform({
      objectMode: true,
      transform: (message, _, next) => (call.write(message) ? next() : call.once('drain', next)),
      flush: (next) => next(),
    });
    out.resume();
    try {
      await pipeline(sent, out);
    } catch (err) {
      throw asIs(err);
    }
  }

  close() {
    this.client.close();
  }
}

// asIs keeps the status of the other adapter.
const asIs = (err) => (Number.isInteger(err.code) ? new AdapterError(err.code, err.details ?? err.message, err) : err);

module.exports = { Otherwise };
