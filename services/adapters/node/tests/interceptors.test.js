'use strict';
const test = require('node:test');
const assert = require('node:assert/strict');
const { host, bytes, status } = require('./helper');

const call = (more) => ({ call: { dataset: 'd', fn: 'sync', cuid: 'phone', query_params: bytes({ a: 1 }), meta_data: bytes({ m: 1 }), headers: { authorization: 'Bearer x' }, ...more } });

test('a request as the reference server shows it', async (t) => {
  let got, info;
  const h = await host(t, (sync) => {
    sync.interceptRequest('d', (dataset, params, cb) => {
      got = [dataset, structuredClone(params)];
      info = sync.callInfo(params);
      cb();
    });
  });
  const answer = await h.intercept('InterceptRequest', call({
    changes: [{ action: 'create', uid: 'u', hash: 'h' }], acknowledgements: 2,
  }));
  assert.deepEqual(got, ['d', {
    fn: 'sync', dataset_id: 'd', query_params: { a: 1 }, meta_data: { m: 1 }, __fh: { cuid: 'phone' },
    pending: [{ action: 'create', uid: 'u', hash: 'h' }], acknowledgements: [{}, {}],
  }]);
  assert.equal(info.headers.authorization, 'Bearer x');
  assert.equal(answer.refusal, null);
  assert.equal(answer.query_params.length + answer.meta_data.length, 0, 'nothing is replaced');
});

test('an error refuses; one that says not now is no answer', async (t) => {
  const h = await host(t, (sync) => {
    sync.globalInterceptRequest((dataset, params, cb) => cb(new Error('no')));
    sync.interceptRequest('login', async () => { throw Object.assign(new Error('log in'), { statusCode: 401 }); });
    sync.interceptRequest('away', (dataset, params, cb) => cb(Object.assign(new Error('away'), { code: 'ECONNREFUSED' })));
    sync.interceptRequest('throws', () => { throw new Error('thrown'); });
    sync.interceptRequest('silent', (dataset, params, cb) => { void cb; });
    sync.interceptResponse('d', (dataset, query, cb) => cb(query.a === 1 ? 'not this view' : null));
  }, { handlerTimeout: 50 });
  const ask = async (dataset) => (await h.intercept('InterceptRequest', call({ dataset }))).refusal;
  assert.deepEqual(await ask('other'), { message: 'no', status: 0 });
  assert.deepEqual(await ask('login'), { message: 'log in', status: 401 });
  assert.deepEqual(await ask('throws'), { message: 'thrown', status: 0 });
  await assert.rejects(ask('away'), { code: status.UNAVAILABLE });
  await assert.rejects(ask('silent'), { code: status.DEADLINE_EXCEEDED });
  assert.equal((await h.intercept('InterceptResponse', call())).refusal.message, 'not this view');
  assert.equal((await h.intercept('InterceptResponse', call({ query_params: bytes({}) }))).refusal, null);
  assert.equal((await h.intercept('InterceptResponse', call({ dataset: 'other' }))).refusal, null);
});

test('what an interceptor changes takes the place of what the device sent', async (t) => {
  const h = await host(t, (sync) => {
    sync.interceptRequest('d', (dataset, params, cb) => {
      params.query_params = { owner: 'ada' };
      params.meta_data.checked = true;
      cb();
    });
  });
  const answer = await h.intercept('InterceptRequest', call());
  assert.deepEqual(JSON.parse(answer.query_params), { owner: 'ada' });
  assert.deepEqual(JSON.parse(answer.meta_data), { m: 1, checked: true });
});

test('where there are no interceptors, nothing is let through', async (t) => {
  const h = await host(t, () => {});
  await assert.rejects(h.intercept('InterceptRequest', call()), { code: status.UNIMPLEMENTED });
  await assert.rejects(h.intercept('InterceptResponse', call()), { code: status.UNIMPLEMENTED });
});
