{{- define "connectors.kafka-connector.kedaTriggers" -}}
{{- $query := printf "sum(max by (topic, partition) (kafka_connector_lag{group=%q,%s}))" .Values.group (include "connectors.alertSelector" .) -}}
{{- include "connectors.prometheusTrigger" (dict "root" . "query" $query) -}}
{{- end -}}

{{/* Values of OpenFaaS's chart that are accepted although nothing here listens to them: none is dropped without a word. */}}
{{- define "connectors.kafka-connector.withoutEffect" -}}
{{- if hasKey .Values "openfaasPro" }}{{ include "connectors.leaves" (dict "path" "openfaasPro" "value" .Values.openfaasPro) }}{{ end -}}
{{- end -}}

{{/* Two pods with one group.instance.id drive each other out of the group; one that a pod makes of its own name is its own. */}}
{{- define "connectors.kafka-connector.strategy" -}}
{{- $alone := and (le (int .Values.replicas) 1) (not (or .Values.autoscaling.enabled .Values.keda.enabled)) (eq (toString (default dict .Values.strategy).type) "Recreate") -}}
{{- range include "connectors.writtenEnv" . | fromYamlArray -}}
{{- $isOwn := regexMatch `^([^$]|\$[^(])*\$\(` (default "" .value) -}}
{{- if and .value (not $isOwn) (not $alone) (eq (replace "." "_" .name) "kafka_group_instance_id") -}}
{{- fail "kafka.group.instance.id: one for all pods needs strategy.type Recreate, replicas 1, and neither autoscaling.enabled nor keda.enabled; for one of each pod's own set extraEnv.kafka_group_instance_id.valueFrom.fieldRef.fieldPath to metadata.name, or leave it unset where pods are replaced often: the group waits a session timeout for each pod that goes" -}}
{{- end -}}
{{- end -}}
{{- toYaml .Values.strategy -}}
{{- end -}}

{{- define "connectors.kafka-connector.env" -}}
- name: gateway_url
  value: {{ .Values.gatewayURL | quote }}
- name: basic_auth
  value: {{ .Values.basic_auth | quote }}
- name: secret_mount_path
  value: /var/secrets
- name: upstream_timeout
  value: {{ include "connectors.text" .Values.upstreamTimeout | quote }}
- name: rebuild_interval
  value: {{ include "connectors.text" .Values.rebuildInterval | quote }}
- name: asynchronous_invocation
  value: {{ .Values.asyncInvocation | quote }}
- name: content_type
  value: {{ .Values.contentType | quote }}
{{- with .Values.namespaces }}
- name: namespaces
  value: {{ join "," . | quote }}
{{- end }}
- name: print_request_body
  value: {{ .Values.printRequestBody | quote }}
- name: print_response
  value: {{ .Values.printResponse | quote }}
- name: print_response_body
  value: {{ .Values.printResponseBody | quote }}
- name: ack_on
  value: {{ .Values.ackOn | quote }}
- name: cloud_events
  value: {{ .Values.cloudEvents | quote }}
- name: max_inflight
  value: {{ include "connectors.text" .Values.maxInflight | quote }}
- name: max_record_headers
  value: {{ include "connectors.text" .Values.maxRecordHeaders | quote }}
- name: max_record_header_bytes
  value: {{ include "connectors.text" .Values.maxRecordHeaderBytes | quote }}
- name: on_failure
  value: {{ .Values.onFailure | quote }}
{{- with .Values.otlpEndpoint }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ . | quote }}
{{- end }}
- name: topics
  value: {{ .Values.topics | quote }}
- name: broker_hosts
  value: {{ default .Values.brokerHosts .Values.brokerHost | quote }}
- name: group
  value: {{ .Values.group | quote }}
- name: initial_offset
  value: {{ .Values.initialOffset | quote }}
- name: max_bytes
  value: {{ include "connectors.text" .Values.maxBytes | quote }}
- name: log_sessions
  value: {{ .Values.sessionLogging | quote }}
- name: concurrency
  value: {{ .Values.concurrency | quote }}
{{- with .Values.deadLetterTopic }}
- name: dead_letter_topic
  value: {{ . | quote }}
{{- end }}
- name: tls
  value: {{ .Values.tls | quote }}
{{- if .Values.saslAuth }}
- name: sasl_mechanism
  value: {{ .Values.saslMechanism | quote }}
- name: username_file
  value: /var/secrets/broker-username/broker-username
- name: password_file
  value: /var/secrets/broker-password/broker-password
{{- end }}
{{- if .Values.caSecret }}
- name: ca_file
  value: /var/secrets/broker-ca/broker-ca
{{- end }}
{{- if .Values.certSecret }}
- name: cert_file
  value: /var/secrets/broker-cert/broker-cert
{{- end }}
{{- if .Values.keySecret }}
- name: key_file
  value: /var/secrets/broker-key/broker-key
{{- end }}
{{- range $name, $value := .Values.kafka }}
{{- if not (kindIs "invalid" $value) }}
- name: {{ printf "kafka_%s" $name | quote }}
  value: {{ include "connectors.text" $value | quote }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Secret by directory below /var/secrets. */}}
{{- define "connectors.kafka-connector.secrets" -}}
{{- $secrets := dict -}}
{{- if .Values.saslAuth -}}
{{- $_ := set $secrets "broker-username" .Values.brokerUsernameSecret -}}
{{- $_ := set $secrets "broker-password" .Values.brokerPasswordSecret -}}
{{- end -}}
{{- with .Values.caSecret }}{{ $_ := set $secrets "broker-ca" . }}{{ end -}}
{{- with .Values.certSecret }}{{ $_ := set $secrets "broker-cert" . }}{{ end -}}
{{- with .Values.keySecret }}{{ $_ := set $secrets "broker-key" . }}{{ end -}}
{{- toJson $secrets -}}
{{- end -}}

{{- define "connectors.kafka-connector.volumeMounts" -}}
- name: secrets
  mountPath: /var/secrets
  readOnly: true
{{- end -}}

{{- define "connectors.kafka-connector.volumes" -}}
- name: secrets
  projected:
    sources:
      {{- if .Values.basic_auth }}
      - secret:
          name: {{ required "basicAuthSecret: the name of a secret is needed with basic_auth" .Values.basicAuthSecret | quote }}
      {{- end }}
      {{- range $directory, $secret := include "connectors.kafka-connector.secrets" . | fromJson }}
      - secret:
          name: {{ $secret | quote }}
          items:
            - key: {{ $directory }}
              path: {{ $directory }}/{{ $directory }}
      {{- end }}
{{- end -}}
