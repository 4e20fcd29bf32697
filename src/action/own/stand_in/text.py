"""Text and bytes, as modules convert them; brought along by rprov where no Ansible is installed."""


def _broken(nonstring, value):
    if nonstring == 'strict':
        raise TypeError('{0!r} is neither text nor bytes'.format(value))
    return {'simplerepr': str, 'empty': lambda _: '', 'passthru': lambda same: same}[nonstring](value)


def _errors(errors):
    return {None: 'surrogateescape', 'surrogate_or_strict': 'surrogateescape',
            'surrogate_or_replace': 'surrogateescape', 'surrogate_then_replace': 'surrogateescape'}.get(errors, errors)


def to_text(obj, encoding='utf-8', errors=None, nonstring='simplerepr'):
    if isinstance(obj, bytes):
        return obj.decode(encoding, _errors(errors))
    return obj if isinstance(obj, str) else _broken(nonstring, obj)


def to_bytes(obj, encoding='utf-8', errors=None, nonstring='simplerepr'):
    if isinstance(obj, bytes):
        return obj
    if not isinstance(obj, str):
        obj = _broken(nonstring, obj)
    return obj.encode(encoding, _errors(errors)) if isinstance(obj, str) else obj


to_native = to_text


def jsonify(data, **options):
    import json
    return json.dumps(data, default=to_text, **options)
