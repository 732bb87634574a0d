using System.Globalization;

namespace Connectors.Gateway.Provider;

/// <summary>The label <c>com.openfaas.scale.min</c>: how many replicas a function has when it has any (openfaas-spec 1.7).</summary>
internal static class LeastReplicas
{
    /// <summary>More than anybody means.</summary>
    public const ulong Most = 1000;

    /// <summary>At least 1.</summary>
    public static ulong Of(FunctionSpec function) =>
        function.Labels?.TryGetValue("com.openfaas.scale.min", out var text) == true
        && ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var least)
            ? Math.Clamp(least, 1, Most)
            : 1;
}
