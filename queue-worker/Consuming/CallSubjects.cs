using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;

namespace Connectors.QueueWorker.Consuming;

/// <summary>
/// Whose calls stand on which subject, as each stored call's hint asks. What stands on no function's subject is to get its end too: each such subject is treated as a
/// function of its own, with a made-up name.
/// </summary>
internal sealed class CallSubjects(string queue, Partition partition)
{
    // Consumers are named by their function, and the server takes no longer names.
    private const int MaxSubject = 200;

    // No namespace may have a colon.
    private const string ForeignNamespace = ":foreign";

    private const int MaxOfGeneration = 10_000;

    private readonly ConcurrentDictionary<FunctionName, string> _foreign = new();

    // Guards what follows: hints and resyncs ask at once.
    private readonly Lock _lock = new();

    // Two generations of what was read of subjects: what is forgotten is the older of them, less what was asked for since.
    private Dictionary<string, (FunctionName, Priority)> _young = [];
    private Dictionary<string, (FunctionName, Priority)> _old = [];

    /// <summary>Whether a function's name is made up.</summary>
    public static bool IsForeign(FunctionName function) => function.Namespace == ForeignNamespace;

    /// <summary>Whose calls stand on a subject.</summary>
    public (FunctionName Function, Priority Priority) Of(string subject)
    {
        lock (_lock)
        {
            if (_young.TryGetValue(subject, out var found))
            {
                return found;
            }

            if (!_old.Remove(subject, out found))
            {
                found = Read(subject);
            }

            if (_young.Count >= MaxOfGeneration)
            {
                (_young, _old) = ([], _young);
            }

            _young[subject] = found;
            return found;
        }
    }

    /// <summary>The subject on which a function's calls stand.</summary>
    public string Filter(FunctionName function, Priority priority) => _foreign.GetValueOrDefault(function) ?? StreamNames.CallSubject(queue, priority, function);

    /// <summary>A function has had no call for long.</summary>
    public void Forget(FunctionName function)
    {
        if (_foreign.TryRemove(function, out var subject))
        {
            // It is read anew when it comes again, so that the name is known to be made up of it.
            lock (_lock)
            {
                _young.Remove(subject);
                _old.Remove(subject);
            }
        }
    }

    private (FunctionName Function, Priority Priority) Read(string subject)
    {
        if (StreamNames.FunctionOf(subject) is { IsValid: true } function && StreamNames.PriorityOf(subject) is { } priority
            && StreamNames.CallSubject(queue, priority, function) == subject && subject.Length <= MaxSubject)
        {
            return (function, priority);
        }

        // One of another partition gets no lane here, with which it would be forgotten.
        var foreign = new FunctionName(Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(subject)))[..32], ForeignNamespace);
        if (partition.Serves(foreign))
        {
            _foreign[foreign] = subject;
        }

        return (foreign, Priority.Normal);
    }
}
