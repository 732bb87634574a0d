using System.Collections.Concurrent;

namespace Connectors.Sdk.Invocation;

/// <summary>
/// The addresses of the functions that were called lately. They are kept in two halves: the present one fills, the one before is forgotten when that is full. So what
/// is called again stays, and what is called no more goes, however many functions come and go.
/// </summary>
/// <param name="most">How many are kept at most.</param>
internal sealed class LatestAddresses(int most)
{
    // Guards the change of halves.
    private readonly Lock _gate = new();
    private volatile ConcurrentDictionary<(FunctionName Function, bool Asynchronous), Uri> _present = new();
    private volatile ConcurrentDictionary<(FunctionName Function, bool Asynchronous), Uri> _before = new();
    private int _count;

    /// <summary>An address that is kept; null if it is not.</summary>
    public Uri? Find(FunctionName function, bool asynchronous)
    {
        if (_present.TryGetValue((function, asynchronous), out var known))
        {
            return known;
        }

        if (_before.TryGetValue((function, asynchronous), out known))
        {
            Add(function, asynchronous, known);
        }

        return known;
    }

    /// <summary>Keeps an address.</summary>
    public void Add(FunctionName function, bool asynchronous, Uri address)
    {
        if (!_present.TryAdd((function, asynchronous), address) || Interlocked.Increment(ref _count) < most / 2)
        {
            return;
        }

        lock (_gate)
        {
            if (_count >= most / 2)
            {
                _before = _present;
                _present = new();
                _count = 0;
            }
        }
    }
}
