namespace Connectors.Testing;

/// <summary>How much a test repeats: enough to notice what is broken in a usual run, and enough to find what is rare with <c>./test --long</c>.</summary>
public static class Rounds
{
    public static int Of(int usual, int many) => Environment.GetEnvironmentVariable("CONNECTORS_LONG_TESTS") == "1" ? many : usual;
}
