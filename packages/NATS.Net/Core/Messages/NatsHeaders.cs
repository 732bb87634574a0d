using System.Collections;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using Microsoft.Extensions.Primitives;

namespace NATS.Client.Core;

/// <summary>Headers of a message: names without regard to case, each with one or more values, and the status that the server may have sent.</summary>
public class NatsHeaders : IDictionary<string, StringValues>
{
    private readonly Dictionary<string, StringValues> _values;

    public NatsHeaders() => _values = new(StringComparer.OrdinalIgnoreCase);

    public NatsHeaders(Dictionary<string, StringValues>? store) => _values = store ?? new(StringComparer.OrdinalIgnoreCase);

    public NatsHeaders(int capacity) => _values = new(capacity, StringComparer.OrdinalIgnoreCase);

    /// <summary>Texts of the status line that JetStream clients act on.</summary>
    public enum Messages
    {
        Text,
        IdleHeartbeat,
        BadRequest,
        ConsumerDeleted,
        ConsumerIsPushBased,
        NoMessages,
        RequestTimeout,
        MessageSizeExceedsMaxBytes,
        RequestsPending,
    }

    public int Version => 1;

    /// <summary>Status code of the header's first line, 0 when there is none.</summary>
    public int Code { get; internal set; }

    public string MessageText { get; internal set; } = string.Empty;

    public Messages Message { get; internal set; }

    /// <summary>Why the message could not be read.</summary>
    public NatsException? Error { get; internal set; }

    public int Count => _values.Count;

    public bool IsReadOnly { get; private set; }

    public ICollection<string> Keys => _values.Keys;

    public ICollection<StringValues> Values => _values.Values;

    public StringValues this[string key]
    {
        get => _values.TryGetValue(key, out var value) ? value : StringValues.Empty;
        set
        {
            ThrowIfReadOnly();
            if (value.Count == 0)
                _values.Remove(key);
            else
                _values[key] = value;
        }
    }

    public void Add(string key, StringValues value)
    {
        ThrowIfReadOnly();
        _values.Add(key, value);
    }

    public void Add(KeyValuePair<string, StringValues> item) => Add(item.Key, item.Value);

    public void Clear()
    {
        ThrowIfReadOnly();
        _values.Clear();
    }

    public bool Contains(KeyValuePair<string, StringValues> item) => _values.TryGetValue(item.Key, out var value) && value == item.Value;

    public bool ContainsKey(string key) => _values.ContainsKey(key);

    public void CopyTo(KeyValuePair<string, StringValues>[] array, int arrayIndex) =>
        ((ICollection<KeyValuePair<string, StringValues>>)_values).CopyTo(array, arrayIndex);

    /// <summary>Bytes that these headers take on the wire.</summary>
    public int GetBytesLength(Encoding? encoding = null) => HeaderCodec.Measure(this, encoding ?? Encoding.UTF8);

    public bool Remove(string key)
    {
        ThrowIfReadOnly();
        return _values.Remove(key);
    }

    public bool Remove(KeyValuePair<string, StringValues> item)
    {
        ThrowIfReadOnly();
        return Contains(item) && _values.Remove(item.Key);
    }

    public bool TryGetValue(string key, out StringValues value) => _values.TryGetValue(key, out value);

    public bool TryGetLastValue(string key, [NotNullWhen(returnValue: true)] out string? value)
    {
        value = _values.TryGetValue(key, out var values) && values.Count > 0 ? values[^1] : null;
        return value is not null;
    }

    public Enumerator GetEnumerator() => new(_values.GetEnumerator());

    IEnumerator<KeyValuePair<string, StringValues>> IEnumerable<KeyValuePair<string, StringValues>>.GetEnumerator() => _values.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => _values.GetEnumerator();

    internal void SetReadOnly() => IsReadOnly = true;

    /// <summary>A copy that can be changed: headers given by a caller are never changed behind their back.</summary>
    internal static NatsHeaders CopyOf(NatsHeaders? headers)
    {
        var copy = new NatsHeaders((headers?.Count ?? 0) + 2);
        if (headers is not null)
        {
            foreach (var (key, value) in headers)
                copy._values[key] = value;
        }

        return copy;
    }

    private void ThrowIfReadOnly()
    {
        if (IsReadOnly)
            throw new InvalidOperationException("Headers of a received message cannot be changed");
    }

    public struct Enumerator : IEnumerator<KeyValuePair<string, StringValues>>
    {
        // Not readonly: MoveNext changes it.
        private Dictionary<string, StringValues>.Enumerator _inner;

        internal Enumerator(Dictionary<string, StringValues>.Enumerator inner) => _inner = inner;

        public readonly KeyValuePair<string, StringValues> Current => _inner.Current;

        readonly object IEnumerator.Current => _inner.Current;

        public bool MoveNext() => _inner.MoveNext();

        public void Dispose() => _inner.Dispose();

        void IEnumerator.Reset() => throw new NotSupportedException();
    }
}
