namespace Connectors.Sdk.Hosting;

/// <summary>Where the suite's randomness comes from: one source for all threads, registered by <see cref="Service.CreateBuilder"/>. Tests take a seeded one.</summary>
internal static class Randomness
{
    public static Random Source => Random.Shared;
}
