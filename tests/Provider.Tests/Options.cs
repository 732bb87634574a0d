using Connectors.Provider.Isolation;

namespace Connectors.Provider.Tests;

internal static class Options
{
    public static ProviderOptions Of(string data) => new()
    {
        DefaultNamespace = "openfaas-fn",
        WriteTimeout = TimeSpan.FromMinutes(1),
        HiddenPaths = [],
        OwnPorts = [],
        FunctionsPath = null,
        DataPath = data,
        MaxOutputBytes = 1_000_000,
        Isolation = FunctionIsolation.None,
        FunctionUser = 65532,
    };
}
