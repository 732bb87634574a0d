/// <summary>The name under which .NET looks for a startup hook.</summary>
internal static class StartupHook
{
    public static void Initialize() => Connectors.Benchmarks.AllocationHook.Begin();
}
