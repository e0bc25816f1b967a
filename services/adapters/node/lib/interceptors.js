'use strict';
// The interceptor service on top of interceptRequest and interceptResponse.
const { isDeepStrictEqual } = require('node:util');
const { status } = require('@grpc/grpc-js');
const { run, within } = require('./call');
const { refuse, notOffered, toStatus } = require('./errors');
const json = require('./json');

function interceptorMethods(host) {
  return {
    InterceptRequest: (call, done) => host.settle('InterceptRequest', call, done, () => onRequest(host, call.request.call)),
    InterceptResponse: (call, done) => host.settle('InterceptResponse', call, done, () => onResponse(host, call.request.call)),
  };
}

// onRequest asks interceptRequest(dataset_id, params, callback). What it changes of
// query_params and meta_data takes the place of the device's.
async function onRequest(host, c) {
  const fn = find(host, 'interceptRequest', c);
  if (!fn) return {};
  const { dataset } = c;
  const before = { query_params: query(c), meta_data: meta(c) };
  const params = paramsOf(c);
  host.infos.attach(params, info(c, 'interceptRequest'));
  host.infos.attach(params.meta_data, info(c, 'interceptRequest'));
  const refusal = await ask(host, `interceptRequest of dataset ${dataset}`, fn, [dataset, params]);
  if (refusal) return { refusal };
  const answer = {};
  for (const field of ['query_params', 'meta_data']) {
    const now = params[field] ?? {};
    if (!isDeepStrictEqual(now, before[field])) answer[field] = json.encode(`${field} of dataset ${dataset}`, now);
  }
  return answer;
}

// onResponse asks interceptResponse(dataset_id, query_params, callback).
async function onResponse(host, c) {
  const fn = find(host, 'interceptResponse', c);
  if (!fn) return {};
  const { dataset } = c;
  const params = host.infos.attach(query(c), info(c, 'interceptResponse'));
  const refusal = await ask(host, `interceptResponse of dataset ${dataset}`, fn, [dataset, params]);
  return refusal ? { refusal } : {};
}

// ask resolves to a refusal or undefined. An error refuses, as in the reference server;
// one that says "not now" is no answer, and Tandem tells the device to try again.
async function ask(host, what, fn, args) {
  try {
    await within(host.options.handlerTimeout, what, run(what, fn, args), () => host.log.error(`${what} has not called back`));
  } catch (err) {
    const { code, details } = toStatus(err, host.options.notNow);
    if (code === status.UNAVAILABLE || code === status.DEADLINE_EXCEEDED) throw err;
    host.log.info(`${what} refuses: ${details}`);
    return { message: details, status: httpStatus(err) };
  }
  return undefined;
}

function httpStatus(err) {
  const wanted = err.status ?? err.statusCode;
  return Number.isInteger(wanted) && wanted >= 400 && wanted <= 499 ? wanted : 0; // 0: Tandem's own, 403
}

// paramsOf makes the body of the request as far as Tandem tells: of changes all but
// their data, of acknowledgements only how many there are.
function paramsOf(c) {
  return {
    fn: c.fn,
    dataset_id: c.dataset,
    query_params: query(c),
    meta_data: meta(c),
    __fh: { cuid: c.cuid },
    pending: (c.changes ?? []).map(({ action, uid, hash }) => ({ action, uid, hash })),
    acknowledgements: Array.from({ length: c.acknowledgements }, () => ({})),
    ...(c.fn === 'removeCollision' ? { hash: c.collision_hash } : {}),
  };
}

const query = (c) => json.optionalObject(c.dataset, 'query_params', c.query_params, {});
const meta = (c) => json.optionalObject(c.dataset, 'meta_data', c.meta_data, {});
const info = (c, method) => ({ dataset: c.dataset, method, fn: c.fn, cuid: c.cuid, headers: { ...c.headers } });

// find returns the interceptor of a dataset, undefined when it has none. Where there is
// none at all, nothing is let through: the address is hardly meant for one.
function find(host, name, c) {
  if (!c?.dataset) throw refuse('the request names no dataset');
  if (!host.handlers.some('interceptRequest', 'interceptResponse')) throw notOffered('there are no interceptors here');
  return host.handlers.find(c.dataset, name);
}

module.exports = { interceptorMethods };
