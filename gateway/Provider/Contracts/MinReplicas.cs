using System.Globalization;

namespace Connectors.Provider.Contracts;

/// <summary>The label <c>com.openfaas.scale.min</c>: how many replicas a function has when it has any.</summary>
public static class MinReplicas
{
    public const string Label = "com.openfaas.scale.min";

    /// <summary>More than anybody means.</summary>
    public const ulong Max = 1000;

    /// <summary>At least 1.</summary>
    public static ulong Of(FunctionSpec function) =>
        function.Labels?.TryGetValue(Label, out var text) == true
        && ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var min)
            ? Math.Clamp(min, 1, Max)
            : 1;
}
