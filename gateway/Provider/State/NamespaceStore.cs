using System.Collections.Concurrent;
using System.Text.Json;
using Connectors.Provider.Contracts;

namespace Connectors.Provider.State;

/// <summary>Namespaces that were created; the default one is always there.</summary>
internal sealed class NamespaceStore(ProviderOptions options, ILogger<NamespaceStore> log)
{
    private readonly string _root = options.Data.Namespaces;
    private readonly ConcurrentDictionary<string, FunctionNamespace> _all = new();

    public void Load()
    {
        _all[options.DefaultNamespace] = new FunctionNamespace { Name = options.DefaultNamespace };
        foreach (var path in StateFile.Collect(_root))
        {
            try
            {
                var found = StateFile.ReadJson(path, ProviderJson.Default.FunctionNamespace);
                _all[found.Name.Length > 0 ? found.Name : throw new JsonException("It holds no namespace.")] = found;
            }
            catch (JsonException fault)
            {
                Log.DefinitionUnreadable(log, path, fault.Message);
            }
        }
    }

    public IReadOnlyList<string> Names => [.. _all.Keys.Order(StringComparer.Ordinal)];

    public FunctionNamespace? Find(string name) => _all.GetValueOrDefault(name);

    public async Task WriteAsync(FunctionNamespace ns)
    {
        await StateFile.WriteJsonAsync(PathOf(ns.Name), ns, ProviderJson.Default.FunctionNamespace);
        _all[ns.Name] = ns;
    }

    public void Delete(string name)
    {
        File.Delete(PathOf(name));
        _all.TryRemove(name, out _);
    }

    private string PathOf(string name) => Path.Combine(_root, name + ".json");
}
