using System.Collections.Concurrent;
using Connectors.Sdk.Invocation;

namespace Connectors.Provider.Logs;

/// <summary>What functions' processes say, a log for each function.</summary>
internal sealed class FunctionLogs(ProviderOptions options, TimeProvider time) : IDisposable
{
    private readonly ConcurrentDictionary<FunctionName, FunctionLog> _all = new();

    public FunctionLog Of(FunctionName function) =>
        _all.GetOrAdd(function, name => new FunctionLog(name, Path.Combine(options.DataPath, "logs", name.Namespace, name.Name + ".log"), time));

    public void Delete(FunctionName function)
    {
        if (_all.TryRemove(function, out var log))
        {
            log.Delete();
        }
    }

    public void Dispose()
    {
        foreach (var log in _all.Values)
        {
            log.Dispose();
        }
    }
}
