using System.Text.Json;
using Connectors.Sdk.Invocation;

namespace Connectors.Provider.State;

/// <summary>The definitions on disk, one file each.</summary>
internal sealed class FunctionStore(ProviderOptions options, ILogger<FunctionStore> log)
{
    private readonly string _root = options.Data.Functions;

    /// <summary>Reads every definition; an unreadable one is told and left alone.</summary>
    public IReadOnlyList<FunctionDefinition> ReadAll() => [.. StateFile.Collect(_root).Select(Read).OfType<FunctionDefinition>()];

    public Task WriteAsync(FunctionDefinition definition) =>
        StateFile.WriteJsonAsync(PathOf(definition.Name), definition, DefinitionJson.Default.FunctionDefinition);

    /// <summary>Whether it is on disk, readable or not.</summary>
    public bool Contains(FunctionName function) => File.Exists(PathOf(function));

    public void Delete(FunctionName function) => File.Delete(PathOf(function));

    private string PathOf(FunctionName function) => Path.Combine(_root, function.Namespace, function.Name + ".json");

    private FunctionDefinition? Read(string path)
    {
        try
        {
            return StateFile.ReadJson(path, DefinitionJson.Default.FunctionDefinition) is { Deployment.Namespace: not null } definition
                ? definition
                : throw new JsonException("It holds no function.");
        }
        catch (JsonException fault)
        {
            Log.DefinitionUnreadable(log, path, fault.Message);
            return null;
        }
    }
}
