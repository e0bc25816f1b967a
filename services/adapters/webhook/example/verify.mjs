import { createHmac, timingSafeEqual } from 'node:crypto';

// Was body (a Buffer) signed with the secret, no more than five minutes ago?
export function verify(secret, header, body) {
  const parts = header.split(',').map((p) => p.split('='));
  const signed = parts.find(([name]) => name === 't')?.[1] ?? '';
  const want = createHmac('sha256', secret).update(signed + '.').update(body).digest();
  const found = parts.some(([name, value = '']) => {
    const given = Buffer.from(value, 'hex');
    return name === 'v1' && given.length === want.length && timingSafeEqual(given, want);
  });
  return /^\d+$/.test(signed) && found && Math.abs(Date.now() / 1000 - Number(signed)) <= 300;
}
