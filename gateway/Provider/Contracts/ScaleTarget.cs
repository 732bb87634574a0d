using System.Globalization;

namespace Connectors.Provider.Contracts;

/// <summary>What a function's scaling aims at, by its labels; scalers outside read it as a metric.</summary>
/// <param name="Type"><c>rps</c>, <c>capacity</c>, <c>cpu</c> or <c>queue</c>.</param>
/// <param name="Load">Load of one replica.</param>
public readonly record struct ScaleTarget(string Type, double Load)
{
    private const double Usual = 50;

    private static readonly string[] Types = ["rps", "capacity", "cpu", "queue"];

    public static ScaleTarget Of(FunctionSpec function)
    {
        var type = Label("com.openfaas.scale.type");
        return new ScaleTarget(
            Types.Contains(type) ? type! : "rps",
            double.TryParse(Label("com.openfaas.scale.target"), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var load) ? load : Usual);

        string? Label(string name) => function.Labels?.GetValueOrDefault(name);
    }
}
