using System.Text;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;

namespace Connectors.QueueWorker.Consuming;

/// <summary>Which functions this worker serves: FNV-1a, 32 bits, of <c>name.namespace</c>, modulo the number of partitions.</summary>
internal readonly record struct Partition(int Count, int Index)
{
    private const uint OffsetBasis = 2166136261;
    private const uint Prime = 16777619;

    public bool Serves(FunctionName function) => Count == 1 || Hash(function.ToString()) % (uint)Count == Index;

    public static uint Hash(string text)
    {
        var hash = OffsetBasis;
        foreach (var b in Encoding.UTF8.GetBytes(text))
        {
            hash = unchecked((hash ^ b) * Prime);
        }

        return hash;
    }
}
