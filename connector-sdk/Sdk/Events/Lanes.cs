using System.Diagnostics.CodeAnalysis;

namespace Connectors.Sdk.Events;

/// <summary>
/// Lets what has one key go one after another, in the order in which it came; what has none goes at once. It says what may go, and runs nothing. Its owner
/// sees to it that no two threads are in it at once.
/// <code>
/// Enter("a", a1) → true    Enter("a", a2) → false    Enter("b", b1) → true
/// Leave("a") → a2          Leave("b") → none, b is free
/// </code>
/// </summary>
/// <typeparam name="T">What goes.</typeparam>
public sealed class Lanes<T>
{
    // The busy lanes, each with what waits behind the one that went; null where nothing does.
    private readonly Dictionary<string, Queue<T>?> _busy = [];

    /// <summary>Lines one up. True if it may go now, and its lane is busy until it has left; false if it waits.</summary>
    public bool Enter(string? key, T item)
    {
        if (key is null || _busy.TryAdd(key, null))
        {
            return true;
        }

        (_busy[key] ??= new()).Enqueue(item);
        return false;
    }

    /// <summary>One that went is done. True with the next of its lane, which may go now.</summary>
    public bool Leave(string? key, [MaybeNullWhen(false)] out T next)
    {
        next = default;
        if (key is null)
        {
            return false;
        }

        if (_busy[key] is { } waiting && waiting.TryDequeue(out next))
        {
            return true;
        }

        _busy.Remove(key);
        return false;
    }

    /// <summary>Forgets all that waits, and that any lane is busy.</summary>
    public void Clear() => _busy.Clear();
}
