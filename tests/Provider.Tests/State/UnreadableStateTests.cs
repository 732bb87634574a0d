using Connectors.Provider.Contracts;
using Connectors.Provider.State;
using Microsoft.Extensions.Logging.Abstractions;

namespace Connectors.Provider.Tests.State;

/// <summary>Files of the provider that hold something else than it wrote: they stay where they are, and keep nothing else from being read.</summary>
public sealed class UnreadableStateTests : IDisposable
{
    private readonly string _data = Directory.CreateTempSubdirectory("state-").FullName;

    [Theory]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("{")]
    [InlineData("7")]
    public async Task What_is_no_function_or_no_namespace_is_left_alone(string content)
    {
        var functions = new FunctionStore(Options.Of(_data), NullLogger<FunctionStore>.Instance);
        await functions.WriteAsync(new FunctionDefinition { Deployment = new FunctionDeployment { Service = "good", Namespace = "ns" }, CreatedAt = DateTimeOffset.UnixEpoch });
        var namespaces = new NamespaceStore(Options.Of(_data), NullLogger<NamespaceStore>.Instance);
        await namespaces.WriteAsync(new FunctionNamespace { Name = "good" });
        string[] odd = [Path.Combine(_data, "functions", "ns", "odd.json"), Path.Combine(_data, "namespaces", "odd.json")];
        foreach (var path in odd)
        {
            await File.WriteAllTextAsync(path, content);
        }

        var read = new NamespaceStore(Options.Of(_data), NullLogger<NamespaceStore>.Instance);
        read.Load();

        Assert.Equal(["good"], functions.ReadAll().Select(function => function.Name.Name));
        Assert.Equal(["good", "openfaas-fn"], read.Names);
        Assert.All(odd, path => Assert.True(File.Exists(path)));
    }

    public void Dispose() => Directory.Delete(_data, recursive: true);
}
