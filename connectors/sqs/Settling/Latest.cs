namespace Connectors.Sqs.Settling;

/// <summary>
/// Remembers the latest of what is kept by message id. It is kept in two halves: the present one fills, the one before is forgotten when that is full, or old. So
/// what was added is remembered for half of the time to all of it, unless as much as half of the most came after it.
/// </summary>
/// <param name="most">How many are remembered at most.</param>
/// <param name="age">For how long.</param>
/// <param name="time">The clock.</param>
internal sealed class Latest<T>(int most, TimeSpan age, TimeProvider time)
    where T : class
{
    // Guards both halves.
    private readonly Lock _gate = new();
    private Dictionary<string, T> _present = [];
    private Dictionary<string, T> _before = [];
    private long _begun = time.GetTimestamp();

    public void Add(string id, T item)
    {
        lock (_gate)
        {
            if (_present.Count >= most / 2 || time.GetElapsedTime(_begun) >= age / 2)
            {
                _before = _present;
                _present = [];
                _begun = time.GetTimestamp();
            }

            _present[id] = item;
        }
    }

    public T? Find(string id)
    {
        lock (_gate)
        {
            return _present.GetValueOrDefault(id) ?? _before.GetValueOrDefault(id);
        }
    }

    public void Remove(string id)
    {
        lock (_gate)
        {
            _present.Remove(id);
            _before.Remove(id);
        }
    }
}
