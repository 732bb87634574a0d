using Connectors.Provider.Contracts;

namespace Connectors.Provider.Tests.Contracts;

/// <summary>The labels that say how a function is scaled.</summary>
public sealed class ScaleLabelsTests
{
    [Fact]
    public void Without_labels_each_has_its_default()
    {
        var labels = Read([]);

        Assert.Equal(("rps", 50, 0.9, 1ul, 20ul), (labels.Type, labels.Target, labels.Proportion, labels.Min, labels.Max));
        Assert.Equal((false, TimeSpan.FromMinutes(15), TimeSpan.Zero), (labels.ToZero, labels.ZeroDuration, labels.DownWindow));
    }

    [Fact]
    public void Each_label_means_its_own()
    {
        var labels = Read([("type", "queue"), ("target", "2.5"), ("target-proportion", "1"), ("min", "2"), ("max", "8"), ("zero", "true"), ("zero-duration", "90s"), ("down.window", "1m")]);

        Assert.Equal(("queue", 2.5, 1, 2ul, 8ul), (labels.Type, labels.Target, labels.Proportion, labels.Min, labels.Max));
        Assert.Equal((true, TimeSpan.FromSeconds(90), TimeSpan.FromMinutes(1)), (labels.ToZero, labels.ZeroDuration, labels.DownWindow));
    }

    [Fact]
    public void Any_rule_may_be_named_as_type()
    {
        foreach (var name in (string[])["rps", "capacity", "cpu", "latency", "RAM", "p95_of.my-rule", new string('x', 63)])
        {
            var faults = new List<string>();

            Assert.Equal(name, Read([("type", name)], faults).Type);
            Assert.Empty(faults);
        }
    }

    [Fact]
    public void A_minimum_beyond_the_usual_maximum_raises_it() => Assert.Equal(30ul, Read([("min", "30")]).Max);

    // Functions that were deployed before a rule was made are read all the same.
    [Theory]
    [InlineData("type", "by depth")]
    [InlineData("type", "a/b")]
    [InlineData("type", "é")]
    [InlineData("type", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")]
    [InlineData("target", "0")]
    [InlineData("target", "-1")]
    [InlineData("target", "many")]
    [InlineData("target-proportion", "1.1")]
    [InlineData("min", "-1")]
    [InlineData("max", "0")]
    [InlineData("max", "20.5")]
    [InlineData("zero", "yes")]
    [InlineData("zero-duration", "soon")]
    [InlineData("zero-duration", "2000h")]
    [InlineData("down.window", "6m")]
    public void What_cannot_be_read_is_named_and_has_its_default(string name, string value)
    {
        var faults = new List<string>();
        var labels = Read([(name, value)], faults);

        Assert.StartsWith($"labels.com.openfaas.scale.{name}: \"{value}\" is not valid; allowed: ", Assert.Single(faults), StringComparison.Ordinal);
        Assert.Equal(Read([]), labels);
    }

    [Fact]
    public void A_maximum_below_the_minimum_is_named()
    {
        var faults = new List<string>();
        var labels = Read([("min", "5"), ("max", "3")], faults);

        Assert.Equal("labels.com.openfaas.scale.max: \"3\" is not valid; allowed: at least com.openfaas.scale.min", Assert.Single(faults));
        Assert.Equal(5ul, labels.Max);
    }

    private static ScaleLabels Read(IEnumerable<(string Name, string Value)> labels, List<string>? faults = null) =>
        ScaleLabels.Read(new FunctionSpec { Labels = labels.ToDictionary(label => "com.openfaas.scale." + label.Name, label => label.Value) }, faults ?? []);
}
