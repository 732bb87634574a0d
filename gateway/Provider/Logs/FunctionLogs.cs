using System.Collections.Concurrent;
using Connectors.Provider.Contracts;
using Connectors.Sdk.Invocation;

namespace Connectors.Provider.Logs;

/// <summary>What functions' processes say, a log for each function.</summary>
internal sealed class FunctionLogs(ProviderOptions options, TimeProvider time) : IDisposable
{
    private const string Extension = ".log";

    private readonly string _root = options.Data.Logs;
    private readonly ConcurrentDictionary<FunctionName, FunctionLog> _all = new();

    public FunctionLog Of(FunctionName function) => _all.GetOrAdd(function, Open);

    /// <summary>Functions of which there are files, deployed or not.</summary>
    public IEnumerable<FunctionName> Kept() =>
        from file in DataFolder.FunctionsIn(_root)
        let end = file.Name.IndexOf(Extension, StringComparison.Ordinal)
        where end > 0
        select file with { Name = file.Name[..end] };

    /// <summary>Deletes a log, also one that an earlier gateway wrote.</summary>
    public void Delete(FunctionName function)
    {
        var log = _all.TryRemove(function, out var open) ? open : Open(function);
        log.Delete();
    }

    public void Dispose()
    {
        foreach (var log in _all.Values)
        {
            log.Dispose();
        }
    }

    private FunctionLog Open(FunctionName function) => new(function, Path.Combine(_root, function.Namespace, function.Name + Extension), time);
}
