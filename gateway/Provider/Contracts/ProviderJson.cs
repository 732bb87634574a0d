using System.Text.Json.Serialization;

namespace Connectors.Provider.Contracts;

/// <summary>
/// The JSON of OpenFaaS's API, read as Go reads it: keys in any letter case, unknown ones passed over, null as if the key were missing. Texts that may
/// not be missing are "" then, never null.
/// </summary>
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
[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, PropertyNameCaseInsensitive = true)]
public sealed partial class ProviderJson : JsonSerializerContext;
