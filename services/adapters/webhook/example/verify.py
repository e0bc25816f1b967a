import hashlib, hmac, time

def verify(secret: bytes, header: str, body: bytes) -> bool:
    """Was body signed with the secret, no more than five minutes ago?"""
    parts = [p.split("=", 1) for p in header.split(",") if "=" in p]
    signed = next((v for k, v in parts if k == "t"), "")
    want = hmac.new(secret, signed.encode() + b"." + body, hashlib.sha256).hexdigest()
    found = any(k == "v1" and hmac.compare_digest(v.encode(), want.encode()) for k, v in parts)
    return signed.isdecimal() and found and abs(time.time() - int(signed)) <= 300
