using System.Text.Json.Serialization;

namespace Connectors.Provider.Contracts;

[JsonSerializable(typeof(FunctionDeployment))]
[JsonSerializable(typeof(FunctionStatus))]
[JsonSerializable(typeof(IReadOnlyList<FunctionStatus>))]
[JsonSerializable(typeof(List<FunctionStatus>))]
[JsonSerializable(typeof(IReadOnlyList<string>))]
[JsonSerializable(typeof(List<string>))]
[JsonSerializable(typeof(FunctionSecret))]
[JsonSerializable(typeof(List<FunctionSecret>))]
[JsonSerializable(typeof(FunctionNamespace))]
[JsonSerializable(typeof(LogMessage))]
[JsonSerializable(typeof(ScaleRequest))]
[JsonSerializable(typeof(DeleteRequest))]
[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
public sealed partial class ProviderJson : JsonSerializerContext;
